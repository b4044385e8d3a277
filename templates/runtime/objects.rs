//! The objects that are mapped into the process: the executable, shared libraries, the vdso.

use std::ffi::CStr;
use std::mem;
use std::os::raw::{c_int, c_void};
use std::os::unix::ffi::OsStrExt;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::sys;

/// An executable segment, addresses as in the file.
pub struct Segment {
    pub vaddr: u64,
    pub size: u64,
    pub file_offset: u64,
}

/// The segment with .eh_frame, addresses as in the file.
#[derive(Clone, Copy, Default)]
pub struct Frames {
    /// Of .eh_frame_hdr.
    pub header: u64,
    pub start: u64,
    pub end: u64,
}

pub struct Object {
    /// As the dynamic linker names it; the executable's real path for the first.
    pub path: Vec<u8>,
    /// Run-time address minus address in the file.
    pub bias: u64,
    pub build_id: Vec<u8>,
    pub text: Vec<Segment>,
    /// All 0 where it has none.
    pub frames: Frames,
    /// End of the mapped image, as in the file; for the vdso the size of what can be copied.
    pub image_end: u64,
}

impl Object {
    /// True where [start, end) are this object's own text bounds.
    pub fn covers(&self, start: u64, end: u64) -> bool {
        self.text.iter().map(|s| s.vaddr).min() == Some(start)
            && self.text.iter().map(|s| s.vaddr + s.size).max() == Some(end)
    }

    pub fn is_vdso(&self) -> bool {
        self.path.starts_with(b"linux-vdso") || self.path.starts_with(b"linux-gate")
    }

    /// The vdso's bytes, which are in no file: whole pages, since its section headers lie behind its segment.
    pub fn vdso_image(&self) -> Vec<u8> {
        if !self.is_vdso() || self.image_end > 1 << 20 {
            return Vec::new();
        }
        let page = sys::page_size();
        let pages = (self.image_end as usize + page - 1) / page * page;
        // SAFETY: the kernel maps the vdso whole and readable, in pages, and never takes it away.
        unsafe { std::slice::from_raw_parts(self.bias as *const u8, pages) }.to_vec()
    }
}

/// This many objects, the first of [`loaded`], stay as long as the process does.
static STAY: AtomicUsize = AtomicUsize::new(0);

/// All objects that are loaded now stay: nothing was opened yet.
pub fn these_stay() {
    let mut number = 0usize;
    unsafe extern "C" fn count(_: *mut sys::dl_phdr_info, _: usize, data: *mut c_void) -> c_int {
        *(data as *mut usize) += 1;
        0
    }
    // SAFETY: `count` treats the pointer as its own type, during this call only.
    unsafe { sys::dl_iterate_phdr(count, &mut number as *mut usize as *mut c_void) };
    STAY.store(number, Ordering::Relaxed);
}

pub fn those_that_stay() -> usize {
    STAY.load(Ordering::Relaxed)
}

/// How many objects came and how many went since the process began.
pub fn changes() -> (u64, u64) {
    unsafe extern "C" fn first(info: *mut sys::dl_phdr_info, size: usize, data: *mut c_void) -> c_int {
        if size >= mem::size_of::<sys::dl_phdr_info>() {
            *(data as *mut (u64, u64)) = ((*info).dlpi_adds, (*info).dlpi_subs);
        }
        1
    }
    let mut changes = (0u64, 0u64);
    // SAFETY: as above.
    unsafe { sys::dl_iterate_phdr(first, &mut changes as *mut (u64, u64) as *mut c_void) };
    changes
}

/// Everything that is loaded now.
pub fn loaded() -> Vec<Object> {
    let mut objects: Vec<Object> = Vec::new();
    // SAFETY: `collect` treats the pointer as its own type, during this call only.
    unsafe { sys::dl_iterate_phdr(collect, &mut objects as *mut Vec<Object> as *mut c_void) };
    if let (Some(first), Ok(path)) = (objects.first_mut(), std::fs::read_link("/proc/self/exe")) {
        first.path = path.as_os_str().as_bytes().to_vec();
    }
    objects
}

unsafe extern "C" fn collect(info: *mut sys::dl_phdr_info, _size: usize, data: *mut c_void) -> c_int {
    let objects = &mut *(data as *mut Vec<Object>);
    let info = &*info;
    let mut object = Object {
        path: Vec::new(),
        bias: info.dlpi_addr,
        build_id: Vec::new(),
        text: Vec::new(),
        frames: Frames::default(),
        image_end: 0,
    };
    if !info.dlpi_name.is_null() {
        object.path = CStr::from_ptr(info.dlpi_name).to_bytes().to_vec();
    }
    let headers = std::slice::from_raw_parts(info.dlpi_phdr, info.dlpi_phnum as usize);
    if let Some(frames) = headers.iter().find(|header| header.p_type == sys::PT_GNU_EH_FRAME) {
        let within = |header: &&sys::Elf64_Phdr| {
            header.p_type == sys::PT_LOAD
                && (header.p_vaddr..header.p_vaddr + header.p_filesz).contains(&frames.p_vaddr)
        };
        if let Some(load) = headers.iter().find(within) {
            let (start, end) = (load.p_vaddr, load.p_vaddr + load.p_filesz);
            object.frames = Frames { header: frames.p_vaddr, start, end };
        }
    }
    for header in headers {
        if header.p_type == sys::PT_LOAD {
            object.image_end = object.image_end.max(header.p_vaddr + header.p_memsz);
            if header.p_flags & sys::PF_X != 0 {
                object.text.push(Segment { vaddr: header.p_vaddr, size: header.p_memsz, file_offset: header.p_offset });
            }
        } else if header.p_type == sys::PT_NOTE && object.build_id.is_empty() {
            let at = info.dlpi_addr.wrapping_add(header.p_vaddr) as *const u8;
            let notes = std::slice::from_raw_parts(at, header.p_memsz as usize);
            object.build_id = build_id(notes).unwrap_or(&[]).to_vec();
        }
    }
    objects.push(object);
    0
}

/// The GNU build id among ELF notes.
fn build_id(mut notes: &[u8]) -> Option<&[u8]> {
    let word = |bytes: &[u8], at: usize| -> Option<usize> {
        let b = bytes.get(at..at + 4)?;
        Some(u32::from_le_bytes([b[0], b[1], b[2], b[3]]) as usize)
    };
    while notes.len() > 12 {
        let (name, desc, kind) = (word(notes, 0)?, word(notes, 4)?, word(notes, 8)?);
        let from = 12 + (name + 3) / 4 * 4;
        if kind == 3 && notes.get(12..12 + name)? == b"GNU\0" {
            return notes.get(from..from + desc);
        }
        notes = notes.get(from + (desc + 3) / 4 * 4..)?;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_has_its_executable_and_libc() {
        let objects = loaded();
        assert_eq!(objects[0].path, std::env::current_exe().unwrap().as_os_str().as_bytes());
        assert!(objects.iter().any(|o| o.path.windows(5).any(|w| w == b"libc.")));
        assert!(objects.iter().all(|o| !o.is_vdso() || o.vdso_image().starts_with(b"\x7fELF")));
    }

    #[test]
    fn a_build_id_is_found_behind_other_notes() {
        let mut notes = Vec::new();
        for (kind, name, desc) in [(1u32, &b"GNU\0"[..], &[0u8; 16][..]), (3, b"GNU\0", &[7u8; 20])] {
            notes.extend((name.len() as u32).to_le_bytes());
            notes.extend((desc.len() as u32).to_le_bytes());
            notes.extend(kind.to_le_bytes());
            notes.extend(name);
            notes.extend(desc);
        }
        assert_eq!(build_id(&notes), Some(&[7u8; 20][..]));
        assert_eq!(build_id(&notes[..40]), None);
    }
}
