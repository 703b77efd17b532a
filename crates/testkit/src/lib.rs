//! What tests, the demo and the bench share: made-up traffic with attacks. Nothing here runs in a live shop.

pub mod traffic;
