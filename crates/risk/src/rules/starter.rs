//! The starter set that a new shop begins with, compiled into the program.

use std::sync::OnceLock;

use super::RuleSet;

/// The starter set as a rule file.
pub const STARTER: &str = include_str!("starter.toml");

/// Compiled once for the process.
pub(super) fn set() -> RuleSet {
    static SET: OnceLock<RuleSet> = OnceLock::new();
    SET.get_or_init(compile).clone()
}

fn compile() -> RuleSet {
    match RuleSet::parse(STARTER) {
        Ok(set) => set,
        Err(errors) => {
            let all: Vec<String> = errors.iter().map(ToString::to_string).collect();
            unreachable!("the starter set is broken: {}", all.join("; "))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_starter_set_is_sound_and_fully_compiled() {
        let errors: Vec<String> =
            RuleSet::parse(STARTER).err().into_iter().flatten().map(|e| e.to_string()).collect();
        assert_eq!(errors, Vec::<String>::new());
        let set = RuleSet::starter();
        assert!(set.rules().len() >= 22, "{}", set.rules().len());
        assert!(set.rules().iter().all(|rule| !rule.is_interpreted()));
    }
}
