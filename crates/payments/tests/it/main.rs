//! Tests of `payments` from the outside, one module a topic.

#[cfg(test)]
#[path = "../../../identity/tests/it/authenticator.rs"]
mod authenticator;
#[cfg(test)]
mod bar;
#[cfg(test)]
mod code_token;
#[cfg(test)]
mod codes;
#[cfg(test)]
mod elsewhere;
#[cfg(test)]
mod emv;
#[cfg(test)]
mod entry_fault;
#[cfg(test)]
mod kept_form;
#[cfg(test)]
mod keyed;
#[cfg(test)]
mod labels;
#[cfg(test)]
mod limits;
#[cfg(test)]
mod model;
#[cfg(test)]
mod own;
#[cfg(test)]
mod pages;
#[cfg(test)]
mod passkeys;
#[cfg(test)]
mod paying;
#[cfg(test)]
mod people_pages;
#[cfg(test)]
mod places;
#[cfg(test)]
mod qr;
#[cfg(test)]
mod refunds;
#[cfg(test)]
mod rules;
#[cfg(test)]
mod schema;
#[cfg(test)]
mod site;
#[cfg(test)]
mod two_people;
#[cfg(test)]
mod world;
