//! What the store promises, on every engine.

#[cfg(test)]
mod batches;
#[cfg(test)]
mod collect;
#[cfg(test)]
mod files;
#[cfg(test)]
mod following;
#[cfg(test)]
mod full_disk;
#[cfg(test)]
mod growing;
#[cfg(test)]
mod journal;
#[cfg(test)]
mod late;
#[cfg(test)]
mod listing;
#[cfg(test)]
mod server_certificate;
