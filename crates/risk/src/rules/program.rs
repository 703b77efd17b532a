//! Compiled expressions: comparisons and small typed trees over the row, without closures or allocation.
//!
//! `None` is what CEL calls an error: a slot that is unknown, an overflow, a division by zero.

use std::cmp::Ordering;

use crate::features::{Features, Slot};

/// A comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cmp {
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Equal,
    NotEqual,
}

impl Cmp {
    /// Whether it holds. `order` is `None` for a NaN, which equals nothing and cannot be ordered.
    fn holds(self, order: Option<Ordering>) -> Option<bool> {
        match self {
            Cmp::Less => order.map(Ordering::is_lt),
            Cmp::LessOrEqual => order.map(Ordering::is_le),
            Cmp::Greater => order.map(Ordering::is_gt),
            Cmp::GreaterOrEqual => order.map(Ordering::is_ge),
            Cmp::Equal => Some(order == Some(Ordering::Equal)),
            Cmp::NotEqual => Some(order != Some(Ordering::Equal)),
        }
    }

    /// The same comparison with its sides swapped.
    pub(super) fn swapped(self) -> Cmp {
        match self {
            Cmp::Less => Cmp::Greater,
            Cmp::LessOrEqual => Cmp::GreaterOrEqual,
            Cmp::Greater => Cmp::Less,
            Cmp::GreaterOrEqual => Cmp::LessOrEqual,
            same => same,
        }
    }
}

/// A slot against a number: what most rules are made of.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Test {
    pub slot: Slot,
    pub cmp: Cmp,
    pub value: f64,
}

impl Test {
    /// Whether it is true; false also when the slot is unknown, since a NaN compares false.
    #[inline]
    fn holds(&self, row: &Features) -> bool {
        let value = row.get(self.slot);
        match self.cmp {
            Cmp::Less => value < self.value,
            Cmp::LessOrEqual => value <= self.value,
            Cmp::Greater => value > self.value,
            Cmp::GreaterOrEqual => value >= self.value,
            Cmp::Equal => value == self.value,
            Cmp::NotEqual => !value.is_nan() && value != self.value,
        }
    }
}

/// An operation on two numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Op {
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
}

/// A truth value.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Bool {
    Const(bool),
    Slot(Slot),
    Known(Slot),
    Test(Test),
    /// Text slots hold packed words; equal texts are equal numbers.
    SameText(Slot, Slot),
    OneOf(Number, Vec<f64>),
    CompareInts(Cmp, Box<(Int, Int)>),
    CompareDoubles(Cmp, Box<(Double, Double)>),
    Same(Box<(Bool, Bool)>),
    Not(Box<Bool>),
    All(Vec<Bool>),
    Any(Vec<Bool>),
    If(Box<(Bool, Bool, Bool)>),
}

/// A number of either kind, as it is compared across kinds.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Number {
    Int(Box<Int>),
    Double(Box<Double>),
    /// A text's packed word.
    Text(Slot),
}

/// A whole number.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Int {
    Const(i64),
    Slot(Slot),
    Op(Op, Box<(Int, Int)>),
    Negate(Box<Int>),
    Whole(Box<Double>),
    If(Box<(Bool, Int, Int)>),
}

/// A number with decimals.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Double {
    Const(f64),
    Slot(Slot),
    Op(Op, Box<(Double, Double)>),
    Negate(Box<Double>),
    Real(Box<Int>),
    If(Box<(Bool, Double, Double)>),
}

impl Bool {
    pub(super) fn run(&self, row: &Features) -> Option<bool> {
        match self {
            Bool::Const(value) => Some(*value),
            Bool::Slot(slot) => row.known(*slot).map(|value| value != 0.0),
            Bool::Known(slot) => Some(row.known(*slot).is_some()),
            Bool::Test(test) => row.known(test.slot).map(|_| test.holds(row)),
            Bool::SameText(a, b) => Some(row.known(*a)? == row.known(*b)?),
            Bool::OneOf(number, list) => number.run(row).map(|value| list.contains(&value)),
            Bool::CompareInts(cmp, sides) => {
                let (a, b) = (sides.0.run(row)?, sides.1.run(row)?);
                cmp.holds(Some(a.cmp(&b)))
            }
            Bool::CompareDoubles(cmp, sides) => {
                let (a, b) = (sides.0.run(row)?, sides.1.run(row)?);
                cmp.holds(a.partial_cmp(&b))
            }
            Bool::Same(sides) => Some(sides.0.run(row)? == sides.1.run(row)?),
            Bool::Not(inner) => inner.run(row).map(|value| !value),
            Bool::All(parts) => decided_by(parts, row, false),
            Bool::Any(parts) => decided_by(parts, row, true),
            Bool::If(parts) => if parts.0.run(row)? { &parts.1 } else { &parts.2 }.run(row),
        }
    }

    /// Whether it could be true where only some slots are ever known. Errs towards yes.
    fn can_hold(&self, known: &dyn Fn(Slot) -> bool) -> bool {
        match self {
            Bool::Const(value) => *value,
            Bool::Slot(slot) | Bool::Known(slot) => known(*slot),
            Bool::Test(test) => known(test.slot),
            Bool::SameText(a, b) => known(*a) && known(*b),
            Bool::OneOf(number, _) => number.can_be(known),
            Bool::CompareInts(_, sides) => sides.0.can_be(known) && sides.1.can_be(known),
            Bool::CompareDoubles(_, sides) => sides.0.can_be(known) && sides.1.can_be(known),
            Bool::All(parts) => parts.iter().all(|part| part.can_hold(known)),
            Bool::Any(parts) => parts.iter().any(|part| part.can_hold(known)),
            Bool::Not(inner) => match &**inner {
                Bool::Known(_) => true,
                Bool::Slot(slot) => known(*slot),
                Bool::Test(test) => known(test.slot),
                _ => true,
            },
            Bool::Same(_) | Bool::If(_) => true,
        }
    }
}

/// `&&` (decided by false) and `||` (decided by true): one deciding part is enough, whatever is unknown beside it.
fn decided_by(parts: &[Bool], row: &Features, deciding: bool) -> Option<bool> {
    let mut all_known = true;
    for part in parts {
        match part.run(row) {
            Some(value) if value == deciding => return Some(deciding),
            Some(_) => {}
            None => all_known = false,
        }
    }
    all_known.then_some(!deciding)
}

impl Number {
    fn run(&self, row: &Features) -> Option<f64> {
        match self {
            Number::Int(int) => int.run(row).map(|value| value as f64),
            Number::Double(double) => double.run(row),
            Number::Text(slot) => row.known(*slot),
        }
    }

    fn can_be(&self, known: &dyn Fn(Slot) -> bool) -> bool {
        match self {
            Number::Int(int) => int.can_be(known),
            Number::Double(double) => double.can_be(known),
            Number::Text(slot) => known(*slot),
        }
    }
}

impl Int {
    fn run(&self, row: &Features) -> Option<i64> {
        match self {
            Int::Const(value) => Some(*value),
            Int::Slot(slot) => row.known(*slot).map(|value| value as i64),
            Int::Op(op, sides) => {
                let (a, b) = (sides.0.run(row)?, sides.1.run(row)?);
                match op {
                    Op::Add => a.checked_add(b),
                    Op::Subtract => a.checked_sub(b),
                    Op::Multiply => a.checked_mul(b),
                    Op::Divide => a.checked_div(b),
                    Op::Remainder => a.checked_rem(b),
                }
            }
            Int::Negate(inner) => inner.run(row)?.checked_neg(),
            Int::Whole(inner) => {
                let value = inner.run(row)?;
                (value > i64::MIN as f64 && value < i64::MAX as f64).then_some(value as i64)
            }
            Int::If(parts) => if parts.0.run(row)? { &parts.1 } else { &parts.2 }.run(row),
        }
    }

    fn can_be(&self, known: &dyn Fn(Slot) -> bool) -> bool {
        match self {
            Int::Const(_) | Int::If(_) => true,
            Int::Slot(slot) => known(*slot),
            Int::Op(_, sides) => sides.0.can_be(known) && sides.1.can_be(known),
            Int::Negate(inner) => inner.can_be(known),
            Int::Whole(inner) => inner.can_be(known),
        }
    }
}

impl Double {
    fn run(&self, row: &Features) -> Option<f64> {
        match self {
            Double::Const(value) => Some(*value),
            Double::Slot(slot) => row.known(*slot),
            Double::Op(op, sides) => {
                let (a, b) = (sides.0.run(row)?, sides.1.run(row)?);
                match op {
                    Op::Add => Some(a + b),
                    Op::Subtract => Some(a - b),
                    Op::Multiply => Some(a * b),
                    Op::Divide => Some(a / b),
                    Op::Remainder => None,
                }
            }
            Double::Negate(inner) => inner.run(row).map(|value| -value),
            Double::Real(inner) => inner.run(row).map(|value| value as f64),
            Double::If(parts) => if parts.0.run(row)? { &parts.1 } else { &parts.2 }.run(row),
        }
    }

    fn can_be(&self, known: &dyn Fn(Slot) -> bool) -> bool {
        match self {
            Double::Const(_) | Double::If(_) => true,
            Double::Slot(slot) => known(*slot),
            Double::Op(_, sides) => sides.0.can_be(known) && sides.1.can_be(known),
            Double::Negate(inner) => inner.can_be(known),
            Double::Real(inner) => inner.can_be(known),
        }
    }
}

/// One part of a rule: it fires when all parts are true.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Part {
    /// The fast case, kept beside its neighbours in memory.
    Test(Test),
    /// Anything else.
    Tree(Box<Bool>),
}

impl Part {
    pub(super) fn new(bool: Bool) -> Part {
        match bool {
            Bool::Test(test) => Part::Test(test),
            Bool::Slot(slot) => Part::Test(Test { slot, cmp: Cmp::NotEqual, value: 0.0 }),
            Bool::Not(inner) => match *inner {
                Bool::Slot(slot) => Part::Test(Test { slot, cmp: Cmp::Equal, value: 0.0 }),
                other => Part::Tree(Box::new(Bool::Not(Box::new(other)))),
            },
            other => Part::Tree(Box::new(other)),
        }
    }

    #[inline]
    pub(super) fn holds(&self, row: &Features) -> bool {
        match self {
            Part::Test(test) => test.holds(row),
            Part::Tree(tree) => tree.run(row) == Some(true),
        }
    }

    pub(super) fn can_hold(&self, known: &dyn Fn(Slot) -> bool) -> bool {
        match self {
            Part::Test(test) => known(test.slot),
            Part::Tree(tree) => tree.can_hold(known),
        }
    }
}
