//! Cards and personal data, from the rule to the row.

mod customers;
mod importing;
mod openings;
mod secrecy;
mod tokens;
mod world;
