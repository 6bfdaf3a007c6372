//! The functions behind every copy, fill and comparison of slices (`memcpy`, `memmove`, `memset`, `memcmp`, `bcmp`) for the
//! static binaries. musl copies by string instructions, whose start takes longer than most of our copies, and compares
//! byte by byte; on x86_64 that made a third of the time of logpost.
//!
//! Nothing is called here. A program that links this crate (`use memory as _;`) gets the functions of `memory.c`, for the
//! linker finds them before those of the C library. Elsewhere the crate is empty: glibc's are fast, and musl's for aarch64
//! are too.
