//! The same octets for the same input, over releases of the encoders too: the version that stands in
//! tags has to change with them.

use std::path::Path;

use wherefore_coding::VERSION;
use wherefore_message::Coding;

use crate::{encode, levels, made};

/// The version of the octets that the tables below describe.
const DESCRIBED: u8 = 1;

/// The releases of what decides on octets.
const RELEASES: &[(&str, &str)] = &[
    ("brotli", "9.1.1"),
    ("flate2", "1.1.11"),
    ("zlib-rs", "0.6.8"),
    ("zstd-safe", "8.3.0"),
    ("zstd-sys", "2.1.3+zstd.1.5.7"),
];

/// For each level the length and a sum of what it makes of the same content.
const OCTETS: &[(&str, u8, usize, u64)] = &[
    ("br", 2, 32_860, 0xe7c2_fb42_188d_76a7),
    ("br", 3, 32_884, 0xcf1c_5a2f_e108_798c),
    ("br", 4, 32_554, 0xe63e_dbf6_44cf_da4e),
    ("br", 5, 31_356, 0x7e62_9397_8b14_6125),
    ("br", 6, 30_875, 0xb2c9_0705_cacb_032e),
    ("zstd", 1, 31_975, 0x279c_ee83_84af_334f),
    ("zstd", 2, 32_165, 0xad4e_7447_82c9_0426),
    ("zstd", 3, 31_189, 0xca92_9dbc_07a1_52d8),
    ("zstd", 4, 31_182, 0xfb13_a5e1_9637_9bb7),
    ("zstd", 5, 30_595, 0xb5c9_3288_8ca3_a094),
    ("zstd", 6, 30_463, 0x73e6_65c7_b258_ee42),
    ("zstd", 7, 30_090, 0x7644_6757_8734_97da),
    ("zstd", 8, 30_392, 0x7b04_8192_3996_6b3b),
    ("zstd", 9, 30_394, 0x3ba8_144b_efc4_d722),
    ("gzip", 1, 41_702, 0x59ee_9ee3_59ed_422e),
    ("gzip", 2, 35_976, 0xf401_3b81_dfbc_8bfc),
    ("gzip", 3, 34_434, 0x1ff6_6564_a597_d4c2),
    ("gzip", 4, 32_988, 0x7c0e_52ba_44b0_957b),
    ("gzip", 5, 32_659, 0x3313_6c0f_12f3_15e8),
    ("gzip", 6, 31_755, 0x2f0c_bedc_0adf_7af1),
    ("gzip", 7, 31_533, 0x854f_47b5_88a0_8c1d),
    ("gzip", 8, 31_137, 0x7394_9057_9186_b3d7),
    ("gzip", 9, 31_136, 0x6488_b924_e3b8_86f8),
];

#[test]
fn the_version_tells_the_releases() {
    assert_eq!(VERSION, DESCRIBED, "write the tables anew");
    let lock = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../Cargo.lock");
    let lock = std::fs::read_to_string(lock).unwrap();
    for (name, version) in RELEASES {
        let entry = format!("name = \"{name}\"\nversion = \"{version}\"\n");
        assert!(
            lock.contains(&entry),
            "{name} is not {version}: raise VERSION, write the tables anew"
        );
    }
}

#[test]
fn the_version_tells_the_octets() {
    let content = made(5, 3, 200_000);
    let made: Vec<_> = levels()
        .map(|level| {
            let coded = encode(level, [&content[..]]);
            (level.coding().name(), level.number(), coded.len(), sum(&coded))
        })
        .collect();
    assert!(made == OCTETS, "raise VERSION; the table is now {made:#?}");
}

#[test]
fn a_head_of_gzip_tells_neither_name_nor_time_nor_system() {
    for level in levels().filter(|level| level.coding() == Coding::Gzip) {
        let coded = encode(level, [&b"abc"[..]]);
        assert_eq!(coded[..8], *b"\x1f\x8b\x08\0\0\0\0\0", "{level:?}");
        assert_eq!(coded[9], 255, "{level:?}");
    }
}

/// FNV-1a.
fn sum(octets: &[u8]) -> u64 {
    octets.iter().fold(0xcbf2_9ce4_8422_2325, |sum, octet| {
        (sum ^ u64::from(*octet)).wrapping_mul(0x0100_0000_01b3)
    })
}
