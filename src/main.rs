//! The plugin's binary: runs the library, and exits with its code.

fn main() -> std::process::ExitCode {
    kubectl_lease::run(std::env::args_os())
}
