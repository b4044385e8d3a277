//! Reads the parts of an ELF file that unwind rules are made from.
//!
//! It finds sections by the names that linkers write; if the section headers were stripped, .eh_frame is still
//! reachable through the PT_GNU_EH_FRAME segment, the way the C library's own unwinder finds it. It reads only the
//! sections it needs, because most of a large executable is debug information.

use std::ops::Range;

use gimli::{BaseAddresses, EhFrame, EhFrameHdr, EndianSlice, LittleEndian, Vendor};
use object::elf::{EM_AARCH64, EM_X86_64, PF_X, PT_GNU_EH_FRAME, PT_LOAD, SHF_EXECINSTR};
use object::read::elf::{ElfFile64, ElfSymbol64, FileHeader, ProgramHeader};
use object::{Object, ObjectSection, ObjectSymbol, ObjectSymbolTable, ReadRef, SectionFlags, SymbolIndex, SymbolKind};

pub(super) type Slice<'data> = EndianSlice<'data, LittleEndian>;

/// The processors whose code can be unwound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Machine {
    X86_64,
    Aarch64,
}

/// An ELF file of such a processor.
pub(super) struct Elf<'data, R: ReadRef<'data>> {
    pub machine: Machine,
    file: ElfFile64<'data, object::LittleEndian, R>,
    data: R,
}

/// The .eh_frame section and the addresses that its pointers are relative to.
pub(super) struct CallFrames<'data> {
    pub machine: Machine,
    pub section: EhFrame<Slice<'data>>,
    pub bases: BaseAddresses,
}

/// A section of code.
pub(super) struct Code<'data> {
    pub address: u64,
    pub bytes: &'data [u8],
}

/// A symbol of a function that has a size.
pub(super) struct Function {
    pub code: Range<u64>,
    /// Whether it is in .dynsym, and its place there.
    symbol: (bool, SymbolIndex),
}

/// The sections in which linkers put jumps to other modules. lld (Rust's default linker on Linux) writes no unwind
/// information for them, GNU ld does.
const PLT_SECTIONS: [&str; 4] = [".plt", ".plt.got", ".plt.sec", ".iplt"];

impl<'data, R: ReadRef<'data>> Elf<'data, R> {
    /// Fails with a phrase that says what `data` is not.
    pub fn parse(data: R) -> Result<Self, String> {
        let file = ElfFile64::parse(data).map_err(|error| format!("not a 64-bit little-endian ELF file: {error}"))?;
        match file.elf_header().e_machine(object::LittleEndian) {
            EM_X86_64 => Ok(Elf { machine: Machine::X86_64, file, data }),
            EM_AARCH64 => Ok(Elf { machine: Machine::Aarch64, file, data }),
            machine => Err(format!("neither for x86-64 nor for AArch64: ELF machine {}", machine.0)),
        }
    }

    /// The span of the executable PT_LOAD segments, addresses as in the file; empty if there is none.
    pub fn text(&self) -> Range<u64> {
        let executable = self.segments(PT_LOAD).filter(|segment| segment.p_flags(object::LittleEndian).contains(PF_X));
        let ranges = executable.map(|segment| {
            let start = segment.p_vaddr(object::LittleEndian);
            start..start.saturating_add(segment.p_memsz(object::LittleEndian))
        });
        ranges.reduce(|a, b| a.start.min(b.start)..a.end.max(b.end)).unwrap_or(0..0)
    }

    /// The GNU build id; empty if there is none.
    pub fn build_id(&self) -> Vec<u8> {
        self.file.build_id().ok().flatten().unwrap_or_default().to_vec()
    }

    /// The unwind information; `None` if the file has none (built with `-C force-unwind-tables=no`, or stripped of
    /// it).
    pub fn call_frames(&self) -> Option<CallFrames<'data>> {
        let (address, bytes) = self.eh_frame_section().or_else(|| self.eh_frame_by_header())?;
        let mut bases = BaseAddresses::default().set_eh_frame(address);
        for (name, set) in [
            (".text", BaseAddresses::set_text as fn(BaseAddresses, u64) -> BaseAddresses),
            (".got", BaseAddresses::set_got),
            (".eh_frame_hdr", BaseAddresses::set_eh_frame_hdr),
        ] {
            if let Some(section) = self.file.section_by_name(name) {
                bases = set(bases, section.address());
            }
        }
        let mut section = EhFrame::new(bytes, LittleEndian);
        section.set_address_size(8);
        if self.machine == Machine::Aarch64 {
            section.set_vendor(Vendor::AArch64);
        }
        Some(CallFrames { machine: self.machine, section, bases })
    }

    fn eh_frame_section(&self) -> Option<(u64, &'data [u8])> {
        let section = self.file.section_by_name(".eh_frame")?;
        let bytes = section.data().ok()?;
        (!bytes.is_empty()).then_some((section.address(), bytes))
    }

    /// .eh_frame through PT_GNU_EH_FRAME: from where its header points to the end of that segment (a terminator ends
    /// it).
    fn eh_frame_by_header(&self) -> Option<(u64, &'data [u8])> {
        let header = self.segments(PT_GNU_EH_FRAME).next()?;
        let bases = BaseAddresses::default().set_eh_frame_hdr(header.p_vaddr(object::LittleEndian));
        let bytes = header.data(object::LittleEndian, self.data).ok()?;
        let address = EhFrameHdr::new(bytes, LittleEndian).parse(&bases, 8).ok()?.eh_frame_ptr().direct().ok()?;
        self.segments(PT_LOAD).find_map(|segment| {
            let offset = address.checked_sub(segment.p_vaddr(object::LittleEndian))?;
            let bytes = segment.data(object::LittleEndian, self.data).ok()?.get(usize::try_from(offset).ok()?..)?;
            (!bytes.is_empty()).then_some((address, bytes))
        })
    }

    /// The procedure linkage tables that the file has.
    pub fn plt_sections(&self) -> impl Iterator<Item = Code<'data>> {
        PLT_SECTIONS.iter().filter_map(|name| {
            let section = self.file.section_by_name(name)?;
            Some(Code { address: section.address(), bytes: section.data().ok()? })
        })
    }

    /// The functions with a size in .text, from .symtab or, if that was stripped, from .dynsym.
    pub fn functions(&self) -> Vec<Function> {
        let text = |name: &str| name == ".text" || name.starts_with(".text.");
        let sections: Vec<_> = self
            .file
            .sections()
            .filter(|section| matches!(section.flags(), SectionFlags::Elf { sh_flags, .. } if sh_flags.contains(SHF_EXECINSTR)))
            .filter(|section| section.name().is_ok_and(text))
            .map(|section| section.index())
            .collect();
        let in_text = |symbol: &ElfSymbol64<'data, '_, object::LittleEndian, R>| {
            symbol.kind() == SymbolKind::Text
                && symbol.size() > 0
                && symbol.section_index().is_some_and(|index| sections.contains(&index))
        };
        let found = |dynamic| {
            move |symbol: ElfSymbol64<'data, '_, object::LittleEndian, R>| Function {
                code: symbol.address()..symbol.address().saturating_add(symbol.size()),
                symbol: (dynamic, symbol.index()),
            }
        };
        let functions: Vec<_> = self.file.symbols().filter(in_text).map(found(false)).collect();
        match functions.is_empty() {
            true => self.file.dynamic_symbols().filter(in_text).map(found(true)).collect(),
            false => functions,
        }
    }

    /// The linker's name of one of [`Elf::functions`]. Each call reads the file.
    pub fn name(&self, function: &Function) -> &'data [u8] {
        let (dynamic, index) = function.symbol;
        let table = if dynamic { self.file.dynamic_symbol_table() } else { self.file.symbol_table() };
        let symbol = table.and_then(|table| table.symbol_by_index(index).ok());
        symbol.and_then(|symbol| symbol.name_bytes().ok()).unwrap_or_default()
    }

    fn segments(
        &self,
        kind: object::elf::ProgramType,
    ) -> impl Iterator<Item = &'data object::elf::ProgramHeader64<object::LittleEndian>> {
        self.file.elf_program_headers().iter().filter(move |segment| segment.p_type(object::LittleEndian) == kind)
    }
}
