//! A file of countries in the form that MaxMind made, as small as one can be.

/// Where in the tree a side leads.
#[derive(Clone, Copy)]
enum Side {
    Nowhere,
    Node(usize),
    Country(usize),
}

/// The file in which these networks of IPv4, with the bits of their prefix, are these countries'.
pub fn countries(networks: &[([u8; 4], u32, &str)]) -> Vec<u8> {
    let (mut tree, mut data) = (vec![[Side::Nowhere; 2]], Vec::new());
    for (network, prefix_bits, code) in networks {
        let bits = u32::from_be_bytes(*network);
        let mut node = 0;
        for depth in 0..*prefix_bits {
            let side = usize::from(bits >> (31 - depth) & 1 == 1);
            if depth + 1 == *prefix_bits {
                tree[node][side] = Side::Country(data.len());
            } else if let Side::Node(next) = tree[node][side] {
                node = next;
            } else {
                tree.push([Side::Nowhere; 2]);
                tree[node][side] = Side::Node(tree.len() - 1);
                node = tree.len() - 1;
            }
        }
        map(&mut data, 1);
        text(&mut data, "country");
        map(&mut data, 1);
        text(&mut data, "iso_code");
        text(&mut data, code);
    }
    let mut file = Vec::new();
    for side in tree.iter().flatten() {
        let value = match side {
            Side::Nowhere => tree.len(),
            Side::Node(node) => *node,
            Side::Country(at) => tree.len() + 16 + at,
        };
        file.extend(&u32::try_from(value).unwrap().to_be_bytes()[1..]);
    }
    file.extend([0; 16]);
    file.extend(data);
    file.extend(b"\xab\xcd\xefMaxMind.com");
    metadata(&mut file, u32::try_from(tree.len()).unwrap());
    file
}

fn metadata(file: &mut Vec<u8>, nodes: u32) {
    map(file, 9);
    for (name, number) in [
        ("binary_format_major_version", 2),
        ("binary_format_minor_version", 0),
        ("ip_version", 4),
        ("record_size", 24),
    ] {
        text(file, name);
        file.extend([5 << 5 | 2, 0, number]);
    }
    text(file, "node_count");
    file.push(6 << 5 | 4);
    file.extend(nodes.to_be_bytes());
    text(file, "build_epoch");
    file.extend([4, 9 - 7]);
    file.extend(1_790_000_000_u32.to_be_bytes());
    text(file, "database_type");
    text(file, "Made-Country");
    text(file, "description");
    map(file, 0);
    text(file, "languages");
    file.extend([0, 11 - 7]);
}

fn map(out: &mut Vec<u8>, pairs: u8) {
    out.push(7 << 5 | pairs);
}

fn text(out: &mut Vec<u8>, text: &str) {
    // Shorter texts have their length beside their kind.
    assert!(text.len() < 29);
    out.push(2 << 5 | u8::try_from(text.len()).unwrap());
    out.extend(text.as_bytes());
}
