//! The same rule in `cel`'s own interpreter: the fallback for what is not compiled, and the oracle for what is.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use cel::{Context, Env, Program, Value};

use crate::features::{Features, Kind, Slot};

#[derive(Debug)]
pub(super) struct Interpreter {
    program: Program,
    slots: Vec<Slot>,
}

impl Interpreter {
    pub(super) fn new(program: Program, slots: Vec<Slot>) -> Interpreter {
        Interpreter { program, slots }
    }

    /// The result, `None` where it is an error.
    pub(super) fn run(&self, row: &Features) -> Option<bool> {
        static ENV: OnceLock<Arc<Env>> = OnceLock::new();
        let mut context = Context::with_env(Arc::clone(ENV.get_or_init(|| Arc::new(Env::stdlib()))));
        let mut roots: HashMap<&str, HashMap<String, Value>> = HashMap::new();
        for slot in &self.slots {
            let Some((root, field)) = slot.info().name.split_once('.') else { continue };
            let fields = roots.entry(root).or_default();
            if let Some(value) = value(row, *slot) {
                fields.insert(field.to_owned(), value);
            }
        }
        for (root, fields) in roots {
            context.add_variable_from_value(root, fields);
        }
        match self.program.execute(&context) {
            Ok(Value::Bool(fires)) => Some(fires),
            _ => None,
        }
    }
}

fn value(row: &Features, slot: Slot) -> Option<Value> {
    let number = row.known(slot)?;
    Some(match slot.info().kind {
        Kind::Int => Value::Int(number as i64),
        Kind::Double => Value::Float(number),
        Kind::Bool => Value::Bool(number != 0.0),
        Kind::Text => Value::from(row.word(slot)?.text()),
    })
}
