//! The program `tillward`.

/// The allocator of the whole program: many small allocations a request, on several threads.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    app::cli::main()
}
