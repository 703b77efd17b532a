//! Tests of the program from the outside, one module a topic.

#[cfg(test)]
mod commands;
#[cfg(test)]
mod crash;
#[cfg(test)]
mod failure;
#[cfg(test)]
mod flush;
#[cfg(test)]
mod stream;
#[cfg(test)]
mod tls;
#[cfg(test)]
mod town;
