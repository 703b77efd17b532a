//! The ledger against the real store, on every engine.

#[cfg(test)]
mod books;
#[cfg(test)]
mod model;
#[cfg(test)]
mod table;
#[cfg(test)]
mod world;
