//! Seals standard input for the recipient given as the only argument: our end of `oracles/sealed_export.py`.

#![expect(clippy::expect_used, reason = "a tool of the tests, which says what it misses and ends")]

use std::io::{Read, Write};

use base::{Dice, Secret};

fn main() {
    let mut plain = Vec::new();
    std::io::stdin().read_to_end(&mut plain).expect("standard input");
    let recipient = std::env::args().nth(1).expect("a recipient").parse().expect("an age recipient");
    let sealed = tokens::age::seal(&Secret::new(plain), &recipient, &Dice::System).expect("sealed");
    std::io::stdout().write_all(&sealed).expect("standard output");
}
