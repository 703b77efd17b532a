//! Whoever reads a command's help copies what stands there: every example is a command line that the program takes.

use clap::{CommandFactory, Parser};

use super::Cli;

/// What stands for an id that everybody has another of.
const PLACE: &str = "0123…";
/// The lengths that an id may have after its prefix.
const ID_CHARS: [usize; 2] = [20, 28];

/// The command lines under "Example", each in one piece, without what a shell does before and after it.
fn examples(help: &str) -> Vec<String> {
    let Some((_, examples)) = help.split_once("Example") else { return Vec::new() };
    let joined = examples.replace("\\\n", " ");
    let lines = joined.lines().skip(1).take_while(|line| line.starts_with("  "));
    lines.filter_map(words_behind_name).collect()
}

/// The words behind `tillward`, where nothing but variables stands before, up to what is the shell's or the reader's.
fn words_behind_name(line: &str) -> Option<String> {
    let mut words = line.split_whitespace();
    let before: Vec<&str> = words.by_ref().take_while(|word| *word != "tillward").collect();
    let mine: Vec<&str> = words.take_while(|word| !word.starts_with(['>', '('])).collect();
    assert!(before.iter().all(|word| word.contains('=')), "{line}");
    line.contains("tillward").then(|| mine.join(" "))
}

/// Why the program does not take a command line.
fn refusal(example: &str) -> Option<String> {
    let tries = ID_CHARS.map(|chars| {
        let words = unquote(&example.replace(PLACE, &"0".repeat(chars)));
        Cli::try_parse_from(["tillward"].into_iter().chain(words.split_whitespace()))
    });
    if tries.iter().any(Result::is_ok) {
        None
    } else {
        tries.into_iter().find_map(Result::err).map(|e| e.to_string())
    }
}

/// What stands in quotes as one word.
fn unquote(words: &str) -> String {
    let parts = words.split('\'').enumerate();
    parts.map(|(at, part)| if at % 2 == 1 { part.replace(' ', "_") } else { part.to_owned() }).collect()
}

/// Checks the examples of a command and of all below it; gives their number.
fn check(command: &clap::Command, path: &str, shown_above: bool) -> usize {
    let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
    let mine = examples(&help);
    for example in &mine {
        assert_eq!(refusal(example), None, "`{path} --help` shows `tillward {example}`");
    }
    let shown = shown_above || mine.iter().any(|example| format!("tillward {example}").starts_with(path));
    let below: Vec<_> = command.get_subcommands().filter(|found| found.get_name() != "help").collect();
    assert!(shown || !below.is_empty(), "`{path} --help` and what is above it show no example of it");
    let below = below.iter().map(|found| {
        let path = format!("{path} {}", found.get_name());
        check(found, &path, shown && path.split(' ').count() > 2)
    });
    mine.len() + below.sum::<usize>()
}

#[test]
fn every_example_in_a_help_is_a_command_line_that_is_taken() {
    let checked = check(&Cli::command(), "tillward", false);
    assert!(checked > 40, "only {checked} examples were found");
}

#[test]
fn an_example_is_read_whole_and_a_wrong_one_is_found() {
    let help = "Text.\n\nExamples:\n  tillward serve --listen 1 \\\n    --data x\n  A=b/tillward tillward roles > r\n  tillward buyer unlock buy_0123…   (then)\n\nMore.";
    let found = examples(help);
    assert_eq!(found, ["serve --listen 1 --data x", "roles", "buyer unlock buy_0123…"]);
    assert_eq!(refusal("roles --json"), None);
    assert_eq!(unquote("invite --name 'Li Si' --url x"), "invite --name Li_Si --url x");
    assert!(refusal("roles --jsn").is_some_and(|why| why.contains("--jsn")));
    assert!(refusal("member sign-out mem_0123…x").is_some());
}
