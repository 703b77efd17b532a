//! Tests of the program from the outside, one module a topic.

#[cfg(test)]
mod crash;
#[cfg(test)]
mod failure;
#[cfg(test)]
mod flush;
#[cfg(test)]
mod town;
