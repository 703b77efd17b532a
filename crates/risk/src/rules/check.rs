//! The types of an expression, and its compiled form, in one walk over the tree that `cel` parsed.
//!
//! CEL's own rules: arithmetic needs two ints or two doubles, comparison also mixes them, `&&`, `||`, `!` and the
//! condition of `? :` need booleans, texts are compared for equality only.

use cel::IdedExpr;
use cel::common::ast::{CallExpr, Expr, LiteralValue, SelectExpr, operators};

use super::parse::{DEPTH_MAX, NODES_MAX};
use super::program::{Bool, Cmp, Double, Int, Number, Op, Part, Test};
use super::{LIST_MAX, PATTERN_BYTES_MAX};
use crate::facts::Word;
use crate::features::{Kind, Slot};

/// What is wrong, at which node.
pub(super) struct Fault {
    pub id: u64,
    pub problem: String,
}

type Checked<T> = Result<T, Fault>;

/// A text.
enum Text {
    Const(String),
    Slot(Slot),
}

/// An expression with its type.
enum Typed {
    Bool(Bool),
    Int(Int),
    Double(Double),
    Text(Text),
}

impl Typed {
    fn name(&self) -> &'static str {
        match self {
            Typed::Bool(_) => "bool",
            Typed::Int(_) => "int",
            Typed::Double(_) => "double",
            Typed::Text(_) => "string",
        }
    }
}

fn fault<T>(id: u64, problem: impl Into<String>) -> Checked<T> {
    Err(Fault { id, problem: problem.into() })
}

pub(super) struct Checker {
    slots: Vec<Slot>,
    nodes: usize,
    depth: usize,
    /// Whether the part at hand holds something that only the interpreter can run.
    opaque: bool,
    interpreted: bool,
}

impl Checker {
    pub(super) fn new() -> Checker {
        Checker { slots: Vec::new(), nodes: 0, depth: 0, opaque: false, interpreted: false }
    }

    pub(super) fn is_interpreted(&self) -> bool {
        self.interpreted
    }

    /// The slots that were read, each once, in slot order.
    pub(super) fn into_slots(mut self) -> Vec<Slot> {
        self.slots.sort_unstable();
        self.slots.dedup();
        self.slots
    }

    /// Checks a whole rule; returns the parts joined by `&&` that could be compiled.
    pub(super) fn rule(&mut self, expr: &IdedExpr) -> Checked<Vec<Part>> {
        let mut parts = Vec::new();
        for part in terms(expr, operators::LOGICAL_AND) {
            self.opaque = false;
            let bool = self.bool(part)?;
            if self.opaque {
                self.interpreted = true;
            } else {
                parts.push(Part::new(bool));
            }
        }
        Ok(parts)
    }

    fn bool(&mut self, expr: &IdedExpr) -> Checked<Bool> {
        match self.typed(expr)? {
            Typed::Bool(bool) => Ok(bool),
            other => {
                let found = other.name();
                fault(
                    expr.id,
                    format!("expected true or false here, found a value of type {found}; compare it"),
                )
            }
        }
    }

    fn typed(&mut self, expr: &IdedExpr) -> Checked<Typed> {
        self.nodes += 1;
        self.depth += 1;
        if self.nodes > NODES_MAX {
            return fault(expr.id, format!("the expression has more than {NODES_MAX} parts; split the rule"));
        }
        if self.depth > DEPTH_MAX {
            return fault(
                expr.id,
                format!("the expression is deeper than {DEPTH_MAX} operators; split the rule"),
            );
        }
        let typed = self.typed_node(expr)?;
        self.depth -= 1;
        Ok(typed)
    }

    fn typed_node(&mut self, expr: &IdedExpr) -> Checked<Typed> {
        match &expr.expr {
            Expr::Literal(literal) => literal_of(expr.id, literal),
            Expr::Select(select) => self.select(expr.id, select),
            Expr::Call(call) => self.call(expr.id, call),
            Expr::Ident(name) => fault(expr.id, unknown_variable(name)),
            Expr::List(_) => fault(expr.id, "a list is only allowed after `in`"),
            Expr::Comprehension(_) => {
                fault(expr.id, "`all`, `exists`, `map` and `filter` are not available here")
            }
            Expr::Map(_) | Expr::Struct(_) => fault(expr.id, "maps and messages are not available here"),
            Expr::Unspecified => fault(expr.id, "the expression is empty"),
        }
    }

    fn select(&mut self, id: u64, select: &SelectExpr) -> Checked<Typed> {
        let Expr::Ident(root) = &select.operand.expr else {
            return fault(id, "a variable has two names, such as `payer.count_1h`");
        };
        let name = format!("{root}.{}", select.field);
        let Some(slot) = Slot::named(&name) else { return fault(id, unknown_variable(&name)) };
        self.slots.push(slot);
        Ok(match slot.info().kind {
            _ if select.test => Typed::Bool(Bool::Known(slot)),
            Kind::Bool => Typed::Bool(Bool::Slot(slot)),
            Kind::Int => Typed::Int(Int::Slot(slot)),
            Kind::Double => Typed::Double(Double::Slot(slot)),
            Kind::Text => Typed::Text(Text::Slot(slot)),
        })
    }

    fn call(&mut self, id: u64, call: &CallExpr) -> Checked<Typed> {
        if let Some(target) = &call.target {
            return self.method(id, call, target);
        }
        match (call.func_name.as_str(), call.args.as_slice()) {
            (operators::LOGICAL_AND | operators::LOGICAL_OR, [_, _]) => self.logic(call),
            (operators::LOGICAL_NOT, [inner]) => Ok(Typed::Bool(Bool::Not(Box::new(self.bool(inner)?)))),
            (operators::CONDITIONAL, [condition, yes, no]) => self.conditional(id, condition, yes, no),
            (operators::NEGATE, [inner]) => self.negate(id, inner),
            (operators::IN, [item, list]) => self.one_of(id, item, list),
            ("double" | "int", [inner]) => self.conversion(id, &call.func_name, inner),
            ("size", [inner]) => self.size(id, inner),
            (name, [left, right]) => match (comparison(name), operation(name)) {
                (Some(cmp), _) => self.compare(id, cmp, left, right),
                (_, Some(op)) => self.arithmetic(id, op, left, right),
                _ => fault(id, unknown_function(name)),
            },
            (name, _) => fault(id, unknown_function(name)),
        }
    }

    fn logic(&mut self, call: &CallExpr) -> Checked<Typed> {
        let mut parts = Vec::new();
        for arg in &call.args {
            for term in terms(arg, &call.func_name) {
                parts.push(self.bool(term)?);
            }
        }
        let all = call.func_name == operators::LOGICAL_AND;
        Ok(Typed::Bool(if all { Bool::All(parts) } else { Bool::Any(parts) }))
    }

    fn conditional(
        &mut self,
        id: u64,
        condition: &IdedExpr,
        yes: &IdedExpr,
        no: &IdedExpr,
    ) -> Checked<Typed> {
        let condition = self.bool(condition)?;
        match (self.typed(yes)?, self.typed(no)?) {
            (Typed::Bool(yes), Typed::Bool(no)) => Ok(Typed::Bool(Bool::If(Box::new((condition, yes, no))))),
            (Typed::Int(yes), Typed::Int(no)) => Ok(Typed::Int(Int::If(Box::new((condition, yes, no))))),
            (Typed::Double(yes), Typed::Double(no)) => {
                Ok(Typed::Double(Double::If(Box::new((condition, yes, no)))))
            }
            (yes, no) => {
                let (yes, no) = (yes.name(), no.name());
                fault(
                    id,
                    format!("both sides of `:` must be two bools, ints or doubles, found {yes} and {no}"),
                )
            }
        }
    }

    fn negate(&mut self, id: u64, inner: &IdedExpr) -> Checked<Typed> {
        match self.typed(inner)? {
            Typed::Int(int) => Ok(Typed::Int(Int::Negate(Box::new(int)))),
            Typed::Double(double) => Ok(Typed::Double(Double::Negate(Box::new(double)))),
            other => fault(id, format!("`-` needs a number, found {}", other.name())),
        }
    }

    fn conversion(&mut self, id: u64, to: &str, inner: &IdedExpr) -> Checked<Typed> {
        match (to, self.typed(inner)?) {
            ("double", Typed::Int(int)) => Ok(Typed::Double(Double::Real(Box::new(int)))),
            ("int", Typed::Double(double)) => Ok(Typed::Int(Int::Whole(Box::new(double)))),
            ("double", same @ Typed::Double(_)) | ("int", same @ Typed::Int(_)) => Ok(same),
            (_, other) => fault(id, format!("`{to}(…)` needs a number, found {}", other.name())),
        }
    }

    fn arithmetic(&mut self, id: u64, op: Op, left: &IdedExpr, right: &IdedExpr) -> Checked<Typed> {
        match (self.typed(left)?, self.typed(right)?) {
            (Typed::Int(a), Typed::Int(b)) => Ok(Typed::Int(Int::Op(op, Box::new((a, b))))),
            (Typed::Double(_), Typed::Double(_)) if op == Op::Remainder => fault(id, "`%` needs two ints"),
            (Typed::Double(a), Typed::Double(b)) => Ok(Typed::Double(Double::Op(op, Box::new((a, b))))),
            (a, b) => {
                let (a, b) = (a.name(), b.name());
                fault(
                    id,
                    format!(
                        "arithmetic needs two ints or two doubles, found {a} and {b}; write `2.0` or `double(…)`"
                    ),
                )
            }
        }
    }

    fn compare(&mut self, id: u64, cmp: Cmp, left: &IdedExpr, right: &IdedExpr) -> Checked<Typed> {
        let equality = matches!(cmp, Cmp::Equal | Cmp::NotEqual);
        let bool = match (self.typed(left)?, self.typed(right)?) {
            (Typed::Int(a), Typed::Int(b)) => ints(cmp, a, b),
            (Typed::Double(a), Typed::Double(b)) => doubles(cmp, a, b),
            (Typed::Int(a), Typed::Double(b)) => doubles(cmp, Double::Real(Box::new(a)), b),
            (Typed::Double(a), Typed::Int(b)) => doubles(cmp, a, Double::Real(Box::new(b))),
            (Typed::Bool(a), Typed::Bool(b)) if equality => negated(cmp, Bool::Same(Box::new((a, b)))),
            (Typed::Text(a), Typed::Text(b)) if equality => negated(cmp, texts(a, b)),
            (a, b) => {
                let (a, b) = (a.name(), b.name());
                return fault(id, format!("{a} and {b} cannot be compared like this"));
            }
        };
        Ok(Typed::Bool(bool))
    }

    fn one_of(&mut self, id: u64, item: &IdedExpr, list: &IdedExpr) -> Checked<Typed> {
        let item = self.typed(item)?;
        let Expr::List(list) = &list.expr else {
            return fault(list.id, "`in` needs a list such as `[\"CN\", \"HK\"]`");
        };
        if list.elements.len() > LIST_MAX {
            return fault(id, format!("the list has {} items; it may have {LIST_MAX}", list.elements.len()));
        }
        let mut values = Vec::with_capacity(list.elements.len());
        for element in &list.elements {
            values.push(match (&item, constant(&self.typed(element)?)) {
                (Typed::Int(_) | Typed::Double(_), Some(Constant::Number(number)))
                    if number.abs() < LIST_NUMBER_END =>
                {
                    number
                }
                (Typed::Text(_), Some(Constant::Text(text))) => packed(&text),
                _ => {
                    return fault(
                        element.id,
                        format!("a list after {} holds literals of that type", item.name()),
                    );
                }
            });
        }
        Ok(Typed::Bool(match item {
            Typed::Int(int) => Bool::OneOf(Number::Int(Box::new(int)), values),
            Typed::Double(double) => Bool::OneOf(Number::Double(Box::new(double)), values),
            Typed::Text(Text::Slot(slot)) => Bool::OneOf(Number::Text(slot), values),
            Typed::Text(Text::Const(_)) => return fault(id, "`in` needs a variable on its left"),
            Typed::Bool(_) => return fault(id, "`in` needs a number or a string on its left"),
        }))
    }

    fn size(&mut self, id: u64, inner: &IdedExpr) -> Checked<Typed> {
        match self.typed(inner)? {
            Typed::Text(_) => {
                self.opaque = true;
                Ok(Typed::Int(Int::Const(0)))
            }
            other => fault(id, format!("`size(…)` needs a string, found {}", other.name())),
        }
    }

    fn method(&mut self, id: u64, call: &CallExpr, target: &IdedExpr) -> Checked<Typed> {
        let name = call.func_name.as_str();
        match (name, call.args.as_slice()) {
            ("size", []) => return self.size(id, target),
            ("startsWith" | "endsWith" | "contains" | "matches", [_]) => {}
            _ => return fault(id, unknown_function(name)),
        }
        let Some(arg) = call.args.first() else { return fault(id, unknown_function(name)) };
        let (Typed::Text(_), Typed::Text(argument)) = (self.typed(target)?, self.typed(arg)?) else {
            return fault(id, format!("`{name}` needs strings on both sides"));
        };
        if name == "matches" {
            check_pattern(arg, &argument)?;
        }
        self.opaque = true;
        Ok(Typed::Bool(Bool::Const(false)))
    }
}

/// A pattern must be a literal, short, and valid, so that matching it can neither fail nor take long.
fn check_pattern(arg: &IdedExpr, pattern: &Text) -> Checked<()> {
    let Text::Const(pattern) = pattern else { return fault(arg.id, "`matches` needs a literal pattern") };
    if pattern.len() > PATTERN_BYTES_MAX {
        return fault(
            arg.id,
            format!("the pattern has {} bytes; it may have {PATTERN_BYTES_MAX}", pattern.len()),
        );
    }
    // Counted repetition is what makes a short pattern large.
    if pattern.contains('{') {
        return fault(arg.id, "counted repetition `{…}` is not available in patterns");
    }
    let (func_name, target) = ("matches".to_owned(), Some(Box::new(arg.clone())));
    let call = CallExpr { func_name, target, args: vec![arg.clone()] };
    let tried = cel::Context::default().resolve(&IdedExpr { id: arg.id, expr: Expr::Call(call) });
    if tried.is_err() {
        return fault(arg.id, format!("`{pattern}` is not a regular expression"));
    }
    Ok(())
}

/// The operands of a chain of one operator, left to right.
fn terms<'a>(expr: &'a IdedExpr, operator: &str) -> Vec<&'a IdedExpr> {
    let (mut found, mut open) = (Vec::new(), vec![expr]);
    while let Some(next) = open.pop() {
        match &next.expr {
            Expr::Call(call) if call.func_name == operator && call.target.is_none() => {
                open.extend(call.args.iter().rev());
            }
            _ => found.push(next),
        }
    }
    found
}

fn literal_of(id: u64, literal: &LiteralValue) -> Checked<Typed> {
    match literal {
        LiteralValue::Boolean(value) => Ok(Typed::Bool(Bool::Const(*value.inner()))),
        LiteralValue::Int(value) => Ok(Typed::Int(Int::Const(*value.inner()))),
        LiteralValue::Double(value) => Ok(Typed::Double(Double::Const(*value.inner()))),
        LiteralValue::String(value) => Ok(Typed::Text(Text::Const(value.inner().to_owned()))),
        LiteralValue::UInt(_) => fault(id, "unsigned numbers are not available; write `5` for `5u`"),
        LiteralValue::Bytes(_) => fault(id, "bytes are not available here"),
        LiteralValue::Null => fault(id, "`null` is not available; test with `has(payer.ratio)`"),
    }
}

enum Constant {
    Number(f64),
    Text(String),
}

/// The value of a literal, also of a negative one.
fn constant(typed: &Typed) -> Option<Constant> {
    match typed {
        Typed::Int(Int::Const(value)) => Some(Constant::Number(*value as f64)),
        Typed::Int(Int::Negate(inner)) => match **inner {
            Int::Const(value) => Some(Constant::Number(-(value as f64))),
            _ => None,
        },
        Typed::Double(Double::Const(value)) => Some(Constant::Number(*value)),
        Typed::Double(Double::Negate(inner)) => match **inner {
            Double::Const(value) => Some(Constant::Number(-value)),
            _ => None,
        },
        Typed::Text(Text::Const(text)) => Some(Constant::Text(text.clone())),
        _ => None,
    }
}

/// The number a text slot holds for this text; one that no slot ever holds for a text that does not fit.
fn packed(text: &str) -> f64 {
    Word::parse(text).map_or(-1.0, |word| word.packed() as f64)
}

fn texts(a: Text, b: Text) -> Bool {
    match (a, b) {
        (Text::Const(a), Text::Const(b)) => Bool::Const(a == b),
        (Text::Slot(a), Text::Slot(b)) => Bool::SameText(a, b),
        (Text::Slot(slot), Text::Const(text)) | (Text::Const(text), Text::Slot(slot)) => {
            Bool::Test(Test { slot, cmp: Cmp::Equal, value: packed(&text) })
        }
    }
}

fn negated(cmp: Cmp, same: Bool) -> Bool {
    match (cmp, same) {
        (Cmp::NotEqual, Bool::Test(test)) => Bool::Test(Test { cmp: Cmp::NotEqual, ..test }),
        (Cmp::NotEqual, same) => Bool::Not(Box::new(same)),
        (_, same) => same,
    }
}

/// Integers up to here are exact as `f64`.
const EXACT: u64 = 1 << 53;
/// Numbers in a list stay below, where every integer is another `f64`.
const LIST_NUMBER_END: f64 = EXACT as f64;

fn ints(cmp: Cmp, a: Int, b: Int) -> Bool {
    match (&a, &b) {
        (Int::Slot(slot), Int::Const(value)) if value.unsigned_abs() <= EXACT => {
            Bool::Test(Test { slot: *slot, cmp, value: *value as f64 })
        }
        (Int::Const(value), Int::Slot(slot)) if value.unsigned_abs() <= EXACT => {
            Bool::Test(Test { slot: *slot, cmp: cmp.swapped(), value: *value as f64 })
        }
        _ => Bool::CompareInts(cmp, Box::new((a, b))),
    }
}

fn doubles(cmp: Cmp, a: Double, b: Double) -> Bool {
    match (plain(&a), plain(&b)) {
        (Some(Plain::Slot(slot)), Some(Plain::Const(value))) => Bool::Test(Test { slot, cmp, value }),
        (Some(Plain::Const(value)), Some(Plain::Slot(slot))) => {
            Bool::Test(Test { slot, cmp: cmp.swapped(), value })
        }
        _ => Bool::CompareDoubles(cmp, Box::new((a, b))),
    }
}

enum Plain {
    Slot(Slot),
    Const(f64),
}

fn plain(double: &Double) -> Option<Plain> {
    match double {
        Double::Slot(slot) => Some(Plain::Slot(*slot)),
        Double::Const(value) => Some(Plain::Const(*value)),
        Double::Real(int) => match **int {
            Int::Slot(slot) => Some(Plain::Slot(slot)),
            Int::Const(value) => Some(Plain::Const(value as f64)),
            _ => None,
        },
        _ => None,
    }
}

fn comparison(name: &str) -> Option<Cmp> {
    Some(match name {
        operators::LESS => Cmp::Less,
        operators::LESS_EQUALS => Cmp::LessOrEqual,
        operators::GREATER => Cmp::Greater,
        operators::GREATER_EQUALS => Cmp::GreaterOrEqual,
        operators::EQUALS => Cmp::Equal,
        operators::NOT_EQUALS => Cmp::NotEqual,
        _ => return None,
    })
}

fn operation(name: &str) -> Option<Op> {
    Some(match name {
        operators::ADD => Op::Add,
        operators::SUBSTRACT => Op::Subtract,
        operators::MULTIPLY => Op::Multiply,
        operators::DIVIDE => Op::Divide,
        operators::MODULO => Op::Remainder,
        _ => return None,
    })
}

fn unknown_function(name: &str) -> String {
    format!(
        "unknown function `{name}`; there are has, double, int, size, startsWith, endsWith, contains, matches"
    )
}

fn unknown_variable(name: &str) -> String {
    let short: String = name.chars().take(60).collect();
    let nearest = Slot::all().map(|slot| slot.info().name).min_by_key(|other| distance(&short, other));
    match nearest.filter(|other| distance(&short, other) <= 4) {
        Some(other) => format!("unknown variable `{short}`; did you mean `{other}`?"),
        None => {
            format!("unknown variable `{short}`; variables look like `payer.count_1h` or `payment.amount`")
        }
    }
}

/// Edit distance (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.bytes().enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        if let Some(first) = row.first_mut() {
            *first = left;
        }
        for (cell, y) in row.iter_mut().skip(1).zip(b.bytes()) {
            let here = (diagonal + usize::from(x != y)).min(left + 1).min(*cell + 1);
            diagonal = std::mem::replace(cell, here);
            left = here;
        }
    }
    row.last().copied().unwrap_or(0)
}
