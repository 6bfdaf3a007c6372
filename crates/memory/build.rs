//! Compiles `memory.c` where the C library that is linked has only slow functions of these names.

fn main() {
    println!("cargo::rerun-if-changed=memory.c");
    let target = |part: &str| std::env::var(format!("CARGO_CFG_TARGET_{part}")).unwrap_or_default();
    if target("ENV") != "musl" || target("ARCH") != "x86_64" {
        return;
    }
    cc::Build::new()
        .file("memory.c")
        .opt_level(2)
        .flag("-ffreestanding")
        // Else the loops that copy would become calls of the function that they are in.
        .flag("-fno-builtin")
        .flag_if_supported("-fno-tree-loop-distribute-patterns")
        .compile("memory");
}
