//! The program `tillward`.
fn main() {}
