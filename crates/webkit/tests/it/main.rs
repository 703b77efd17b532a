//! The web edge through its public interface, with a real database where rows are involved.

#[cfg(test)]
mod edge;
#[cfg(test)]
mod idempotency;
#[cfg(test)]
mod replay;
#[cfg(test)]
mod rfc9421;
#[cfg(test)]
mod signing;
