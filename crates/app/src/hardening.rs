//! What keeps the process's memory to itself: it holds keys, and whatever is sealed is open there.

use rustix::mm::{MlockAllFlags, mlockall};
use rustix::process::{DumpableBehavior, Resource, Rlimit, getrlimit, set_dumpable_behavior, setrlimit};

/// No core dump is written, no other process of the user may attach and read (`PR_SET_DUMPABLE`), and memory stays out of
/// the swap space where the system lets the program lock all of it (`LimitMEMLOCK=infinity`). Whatever the system refuses
/// is left: the program runs, and swap must be encrypted.
pub fn keep_memory() {
    let none = Rlimit { current: Some(0), maximum: Some(0) };
    let _ = setrlimit(Resource::Core, none);
    let _ = set_dumpable_behavior(DumpableBehavior::NotDumpable);
    if getrlimit(Resource::Memlock).current.is_none() {
        let _ = mlockall(MlockAllFlags::CURRENT | MlockAllFlags::FUTURE | MlockAllFlags::ONFAULT);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_core_dump_is_written_and_nobody_attaches() {
        keep_memory();
        let core = getrlimit(Resource::Core);
        assert_eq!((core.current, core.maximum), (Some(0), Some(0)));
        assert_eq!(rustix::process::dumpable_behavior().unwrap(), DumpableBehavior::NotDumpable);
    }
}
