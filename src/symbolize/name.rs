//! Demangles names for people to read.
//!
//! std is compiled with v0 mangling, a user's code mostly with the legacy one; `{:#}` of rustc-demangle prints both
//! without their hashes, so that a function has the same name in every build.

/// The readable form of a linker's name; C names are already readable.
pub(super) fn demangle(linkage_name: &str) -> String {
    mangled(linkage_name).unwrap_or_else(|| linkage_name.to_owned())
}

/// The readable form of a Rust or C++ name; `None` for any other.
pub(super) fn mangled(linkage_name: &str) -> Option<String> {
    match rustc_demangle::try_demangle(linkage_name) {
        Ok(name) => Some(format!("{name:#}")),
        Err(_) => addr2line::demangle(linkage_name, gimli::DW_LANG_C_plus_plus),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_manglings_of_rust_lose_their_hashes() {
        assert_eq!(demangle("_ZN1f4grow17h2490f0cb34509b3dE"), "f::grow");
        assert_eq!(demangle("_RNvCsfLfy6EI15iL_7___rustc12___rust_alloc"), "__rustc::__rust_alloc");
        assert_eq!(
            demangle("_ZN67_$LT$object..endian..Endianness$u20$as$u20$core..cmp..PartialEq$GT$2eq17h30bdfb795c1d8295E"),
            "<object::endian::Endianness as core::cmp::PartialEq>::eq"
        );
    }

    #[test]
    fn c_and_cpp() {
        assert_eq!(demangle("memcpy"), "memcpy");
        assert_eq!(demangle("_ZNSt6vectorIiE9push_backEi"), "std::vector<int>::push_back(int)");
        assert_eq!(mangled("__libc_start_main"), None);
        assert_eq!(demangle("_ZN"), "_ZN");
    }
}
