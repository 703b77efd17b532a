//! Tests of the program from the outside, one module a topic.

#[cfg(test)]
mod algorithms;
#[cfg(test)]
mod api;
#[cfg(test)]
mod asvs;
#[cfg(test)]
mod browsing;
#[cfg(test)]
mod buyer_factor;
#[cfg(test)]
mod cases;
#[cfg(test)]
mod commands;
#[cfg(test)]
mod connected_apps;
#[cfg(test)]
mod crash;
#[cfg(test)]
mod demo;
#[cfg(test)]
mod events;
#[cfg(test)]
mod facts;
#[cfg(test)]
mod failing_flush;
#[cfg(test)]
mod failure;
#[cfg(test)]
mod files;
#[cfg(test)]
mod flush;
#[cfg(test)]
mod foreign;
#[cfg(test)]
mod house;
#[cfg(test)]
mod keys;
#[cfg(test)]
mod landing;
#[cfg(test)]
mod left_behind;
#[cfg(test)]
mod mtls;
#[cfg(test)]
mod once;
#[cfg(test)]
mod outputs;
#[cfg(test)]
mod outside;
#[cfg(test)]
mod page_watch;
#[cfg(test)]
mod payouts;
#[cfg(test)]
mod proposals;
#[cfg(test)]
mod refusal;
#[cfg(test)]
mod signed;
#[cfg(test)]
mod site_map;
#[cfg(test)]
mod stream;
#[cfg(test)]
mod tls;
#[cfg(test)]
mod town;
#[cfg(test)]
mod two_people;
#[cfg(test)]
mod vaulted;
#[cfg(test)]
mod watch;
