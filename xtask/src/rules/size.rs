//! Functions of at most 70 lines, files of at most 800 production lines.

use crate::ratchet::Finding;
use crate::source::Source;
use crate::tree::Tree;

const FUNCTION_LINES_MAX: usize = 70;
const FILE_LINES_MAX: usize = 800;

/// Finds what is too long to read in one go.
pub fn check(tree: &Tree) -> Vec<Finding> {
    tree.sources
        .iter()
        .flat_map(|source| long_functions(source).into_iter().chain(long_file(source)))
        .collect()
}

fn long_functions(source: &Source) -> Vec<Finding> {
    let long = source.functions().into_iter().filter(|function| function.lines > FUNCTION_LINES_MAX);
    long.map(|function| {
        let message = format!(
            "`{}` has {} lines, at most {FUNCTION_LINES_MAX}; split it",
            function.name, function.lines
        );
        let finding = Finding::new("function-length", &source.path, function.line, &function.name, message);
        Finding { size: function.lines, ..finding }
    })
    .collect()
}

fn long_file(source: &Source) -> Option<Finding> {
    let lines = source.production_lines();
    let message = format!("{lines} production lines, at most {FILE_LINES_MAX}; find the seam");
    let finding = Finding::new("file-length", &source.path, 0, "", message);
    (lines > FILE_LINES_MAX).then_some(Finding { size: lines, ..finding })
}

#[cfg(test)]
mod tests {
    use super::super::found;
    use super::check;

    #[test]
    fn a_function_of_71_lines_is_too_long() {
        let function = |lines: usize| format!("fn pay() {{\n{}}}\n", "x;\n".repeat(lines - 2));
        assert_eq!(found(check, &[("a.rs", &function(71))]), ["a.rs:1 pay"]);
        assert!(found(check, &[("a.rs", &function(70))]).is_empty());
        assert!(
            found(check, &[("a.rs", &format!("#[cfg(test)]\nmod tests {{\n{}}}\n", function(90)))])
                .is_empty()
        );
    }

    #[test]
    fn a_file_of_801_production_lines_is_too_long() {
        let tests = "#[cfg(test)]\nmod tests {\n\n\n}\n";
        assert_eq!(found(check, &[("a.rs", &format!("{}{tests}", "\n".repeat(801)))]), ["a.rs:0 "]);
        assert!(found(check, &[("a.rs", &format!("{}{tests}", "\n".repeat(800)))]).is_empty());
    }
}
