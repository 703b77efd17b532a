//! From text to a checked program, on a thread of its own: the parser recurses, and hostile text must neither overflow
//! the caller's stack nor take the process along when the parser panics.

use cel::Program;

use super::check::Checker;
use super::interpret::Interpreter;
use super::place::{Problem, Spot};
use super::program::Part;
use crate::features::Slot;

/// Longest expression, in bytes.
pub const SOURCE_BYTES_MAX: usize = 4_096;
/// Deepest nesting of brackets.
pub const NESTING_MAX: usize = 24;
/// Longest run of `!` and `-`.
pub const UNARY_RUN_MAX: usize = 8;
/// Most nodes of the parsed expression.
pub const NODES_MAX: usize = 512;
/// Deepest tree of operators, so that running it cannot exhaust a thread's stack.
pub const DEPTH_MAX: usize = 64;
const STACK_BYTES: usize = 8 << 20;

/// A rule's expression, checked.
pub(super) struct Compiled {
    pub slots: Vec<Slot>,
    pub parts: Vec<Part>,
    pub oracle: Interpreter,
    pub interpreted: bool,
}

/// Parses, checks and compiles an expression.
pub(super) fn compile(source: &str) -> Result<Compiled, Problem> {
    check_size(source).map_err(|(at, problem)| located(at, problem))?;
    let text = source.to_owned();
    let spawned = std::thread::Builder::new().stack_size(STACK_BYTES).spawn(move || compile_here(&text));
    let failed = |problem: &str| located(0, problem.to_owned());
    match spawned.map(std::thread::JoinHandle::join) {
        Ok(Ok(result)) => result,
        Ok(Err(_)) => Err(failed("the expression cannot be parsed; write it more simply")),
        Err(_) => Err(failed("no thread to parse on; try again later")),
    }
}

fn compile_here(source: &str) -> Result<Compiled, Problem> {
    let program = Program::compile(source).map_err(|errors| parse_error(source, &errors))?;
    let mut checker = Checker::new();
    let parts = checker.rule(program.expression()).map_err(|fault| {
        let (start, _) = program.source_info().offset_for(fault.id).unwrap_or_default();
        located(start as usize, fault.problem)
    })?;
    let interpreted = checker.is_interpreted();
    let slots = checker.into_slots();
    let oracle = Interpreter::new(program, slots.clone());
    Ok(Compiled { slots, parts, oracle, interpreted })
}

fn parse_error(source: &str, errors: &cel::ParseErrors) -> Problem {
    let first = errors.errors.first();
    let fit = |number: isize| usize::try_from(number).unwrap_or(1).max(1);
    let (line, column) = first.map_or((1, 1), |error| (fit(error.pos.0), fit(error.pos.1)));
    let before: usize = source.split_inclusive('\n').take(line - 1).map(|line| line.chars().count()).sum();
    let text = first.map_or("not a CEL expression", |error| error.msg.as_str());
    let problem = text.chars().take(200).map(|c| if c == '\n' { ' ' } else { c }).collect();
    located(before + column - 1, problem)
}

/// A problem at the character `at` of the expression.
fn located(at: usize, problem: String) -> Problem {
    Problem { spot: Spot::When, at, problem }
}

/// Refuses what would be dear to parse: the character where it goes past a limit, and what is wrong.
fn check_size(source: &str) -> Result<(), (usize, String)> {
    if source.len() > SOURCE_BYTES_MAX {
        return Err((
            0,
            format!("the expression has {} bytes; it may have {SOURCE_BYTES_MAX}", source.len()),
        ));
    }
    let (mut depth, mut run) = (0usize, 0usize);
    let mut quote = None;
    for (at, c) in source.chars().enumerate() {
        if c.is_control() && !matches!(c, '\n' | '\t' | '\r') {
            return Err((at, String::from("control characters are not allowed")));
        }
        // Strings are skipped roughly: an escaped quote ends this scan's string early, which only counts more.
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (Some(_), _) => continue,
            (None, '"' | '\'') => quote = Some(c),
            (None, '(' | '[' | '{') => depth += 1,
            (None, ')' | ']' | '}') => depth = depth.saturating_sub(1),
            _ => {}
        }
        run = match c {
            '!' | '-' => run + 1,
            ' ' | '\t' | '\n' | '\r' => run,
            _ => 0,
        };
        if depth > NESTING_MAX {
            return Err((at, format!("brackets are nested deeper than {NESTING_MAX}; split the rule")));
        }
        if run > UNARY_RUN_MAX {
            return Err((at, format!("more than {UNARY_RUN_MAX} `!` or `-` in a row")));
        }
    }
    Ok(())
}
