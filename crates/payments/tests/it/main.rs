//! Tests of `payments` from the outside, one module a topic.

#[cfg(test)]
mod code_token;
#[cfg(test)]
mod emv;
#[cfg(test)]
mod qr;
