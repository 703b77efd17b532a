//! What the store promises, on every engine.

#[cfg(test)]
mod batches;
#[cfg(test)]
mod collect;
#[cfg(test)]
mod files;
#[cfg(test)]
mod journal;
#[cfg(test)]
mod late;
