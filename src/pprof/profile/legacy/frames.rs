//! Finds the recorder's own frames at the leaves of a legacy profile: the formats cannot mark them.

use super::super::model::Profile;

const ALLOCATION: &str = "calloc|cfree|malloc|free|memalign|do_memalign|(__)?posix_memalign|pvalloc|valloc|realloc|\
    tcmalloc::.*|tc_calloc|tc_cfree|tc_malloc|tc_free|tc_memalign|tc_posix_memalign|tc_pvalloc|tc_valloc|tc_realloc|tc_new|\
    tc_delete|tc_newarray|tc_deletearray|tc_new_nothrow|tc_newarray_nothrow|\
    malloc_zone_malloc|malloc_zone_calloc|malloc_zone_valloc|malloc_zone_realloc|malloc_zone_memalign|malloc_zone_free|\
    runtime\\..*|\
    BaseArena::.*|(::)?do_malloc_no_errno|(::)?do_malloc_pages|(::)?do_malloc|DoSampledAllocation|\
    MallocedMemBlock::MallocedMemBlock|_M_allocate|__builtin_(vec_)?delete|__builtin_(vec_)?new|\
    __gnu_cxx::new_allocator::allocate|__libc_malloc|__malloc_alloc_template::allocate|allocate|cpp_alloc|\
    operator new(\\[\\])?|simple_alloc::allocate";
const NOT_ALLOCATION: &str = "runtime\\.panic|runtime\\.reflectcall|runtime\\.call[0-9]*";
const LOCK: &str = "RecordLockProfileData|(base::)?RecordLockProfileData.*|(base::)?SubmitMutexProfileData.*|\
    (base::)?SubmitSpinLockProfileData.*|(base::Mutex::)?AwaitCommon.*|(base::Mutex::)?Unlock.*|(base::Mutex::)?UnlockSlow.*|\
    (base::Mutex::)?ReaderUnlock.*|(base::MutexLock::)?~MutexLock.*|(Mutex::)?AwaitCommon.*|(Mutex::)?Unlock.*|\
    (Mutex::)?UnlockSlow.*|(Mutex::)?ReaderUnlock.*|(MutexLock::)?~MutexLock.*|(SpinLock::)?Unlock.*|\
    (SpinLock::)?SlowUnlock.*|(SpinLockHolder::)?~SpinLockHolder.*";
const CPU: &str = "ProfileData::Add|ProfileData::prof_handler|CpuProfiler::prof_handler|__pthread_sighandler|__restore";

/// Sets, by the profile's sample types, the frames to drop when it is loaded.
pub fn set_dropped(profile: &mut Profile) {
    let kinds: Vec<&str> = profile.sample_types.iter().map(|sample_type| &*sample_type.kind).collect();
    let (dropped, kept) = match kinds[..] {
        ["objects", "space"]
        | ["inuse_objects", "inuse_space"]
        | ["alloc_objects", "alloc_space", "inuse_objects", "inuse_space"] => (ALLOCATION, NOT_ALLOCATION),
        ["contentions", "delay"] => (LOCK, ""),
        _ => (CPU, ""),
    };
    (profile.drop_frames, profile.keep_frames) = (dropped.into(), kept.into());
}
