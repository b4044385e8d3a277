//! The `#[global_allocator]` of an executable whose user declares none: std's own, tracked. Linked into the counting
//! executable only; the timed one allocates as it always did.

use std::alloc::System;

#[global_allocator]
static MEMPROF_GLOBAL: memprof_rt::Track<System> = memprof_rt::Track::new(System);
