use std::io::Write as _;

use lz4_flex::frame::{BlockMode, BlockSize, FrameEncoder, FrameInfo};
use proptest::prelude::*;
use twox_hash::XxHash32;

use super::*;
use crate::client::results::memory::no_pool;

const LIMIT: usize = 1 << 24;

/// Decodes a body that comes in pieces of this length.
fn decompress_pieces(body: &[u8], limit: usize, piece: usize) -> Result<Vec<u8>> {
    let mut decoder = Decoder::new(100, limit, &no_pool())?;
    let mut input = Vec::new();
    for piece in body.chunks(piece) {
        input.extend_from_slice(piece);
        let mut rest = &input[..];
        decoder.push(&mut rest)?;
        let done = input.len() - rest.len();
        input.drain(..done);
    }
    Ok(decoder.finish(&input)?.to_vec())
}

fn decompress_frames(body: &[u8], limit: usize) -> Result<Vec<u8>> {
    decompress_pieces(body, limit, body.len().max(1))
}

fn encode(data: &[u8], info: FrameInfo) -> Vec<u8> {
    let mut encoder = FrameEncoder::with_frame_info(info, Vec::new());
    encoder.write_all(data).unwrap();
    encoder.finish().unwrap()
}

fn checked() -> FrameInfo {
    FrameInfo::new()
        .block_size(BlockSize::Max64KB)
        .block_checksums(true)
        .content_checksum(true)
}

/// A frame written by hand, with `flags` on top of version 1 and blocks of 64 KiB.
fn frame(flags: u8, after_header: &[u8], content: &[u8]) -> Vec<u8> {
    let mut descriptor = vec![0x40 | flags, 0x40];
    descriptor.extend_from_slice(after_header);
    let checksum = XxHash32::oneshot(0, &descriptor).to_le_bytes()[1];
    [
        &[0x04, 0x22, 0x4D, 0x18],
        &descriptor[..],
        &[checksum],
        content,
    ]
    .concat()
}

/// A stored block, or the end mark when it is empty.
fn stored(data: &[u8]) -> Vec<u8> {
    let length = u32::try_from(data.len()).unwrap();
    let word = if length == 0 { 0 } else { length | 1 << 31 };
    [&word.to_le_bytes(), data].concat()
}

fn message(body: &[u8], limit: usize) -> String {
    let error = decompress_frames(body, limit).unwrap_err();
    assert_eq!(error.code(), crate::client::ErrorCode::DataLoss);
    error.message().to_owned()
}

#[test]
fn frames_follow_one_another_until_the_body_ends() {
    let empty = encode(b"", checked());
    let skippable = [&[0x5F, 0x2A, 0x4D, 0x18, 3, 0, 0, 0][..], b"xyz"].concat();
    let plain = frame(
        0x20,
        &[],
        &[stored(b"de"), stored(b"f"), stored(b"")].concat(),
    );
    let first = encode(b"abc", checked());
    let body = [&first[..], &empty, &skippable, &plain, &empty].concat();
    assert_eq!(decompress_frames(&body, LIMIT).unwrap(), b"abcdef");
    assert_eq!(decompress_frames(&empty, LIMIT).unwrap(), b"");
    assert_eq!(decompress_frames(&skippable, LIMIT).unwrap(), b"");
}

#[test]
fn damage_is_named() {
    let end = stored(b"");
    let cut = [frame(0x20, &[], &stored(b"abcd")[..6]), Vec::new()].concat();
    let two = [frame(0x20, &[], &end), cut.clone()].concat();
    let long = frame(
        0x28,
        &9_u64.to_le_bytes(),
        &[stored(b"abc"), end.clone()].concat(),
    );
    let short = frame(
        0x28,
        &2_u64.to_le_bytes(),
        &[stored(b"abc"), end.clone()].concat(),
    );
    let large = frame(0x20, &[], &(0x1_0001_u32 | 1 << 31).to_le_bytes());
    let bad = frame(
        0x20,
        &[],
        &[&2_u32.to_le_bytes()[..], &[0xF0, 9], &end].concat(),
    );
    let content = frame(
        0x24,
        &[],
        &[stored(b"abc"), end.clone(), vec![0; 4]].concat(),
    );
    let block = frame(
        0x30,
        &[],
        &[stored(b"abc"), vec![0; 4], end.clone()].concat(),
    );
    let mut header = frame(0x20, &[], &end);
    header[6] ^= 1;
    let cases: [(&[u8], &str); 16] = [
        (b"", "the LZ4 body is empty"),
        (b"\x04\x22", "LZ4 frame 1 ends within its magic number"),
        (
            b"abcd",
            "LZ4 frame 1 starts with 64636261, which is no LZ4 magic number",
        ),
        (
            b"\x02\x21\x4C\x18",
            "LZ4 frame 1 has the legacy layout, which is not supported",
        ),
        (
            b"\x50\x2A\x4D\x18\x09\0\0\0xy",
            "LZ4 frame 1 ends after 2 of 9 skippable bytes",
        ),
        (&cut, "LZ4 frame 1 ends after 2 of 4 block bytes"),
        (&two, "LZ4 frame 2 ends after 2 of 4 block bytes"),
        (
            &frame(0x21, &[0; 4], &end),
            "LZ4 frame 1 needs a dictionary, which is not supported",
        ),
        (
            &frame(0x22, &[], &end),
            "LZ4 frame 1 has an unknown version or reserved bits set",
        ),
        (
            &header,
            "LZ4 frame 1 is damaged: its header checksum does not match",
        ),
        (&long, "LZ4 frame 1 has 3 bytes where it declares 9"),
        (
            &short,
            "LZ4 frame 1 leads to more than the 2 bytes declared or allowed",
        ),
        (
            &large,
            "LZ4 frame 1 is damaged: block 1 has 65537 bytes where 65536 are allowed",
        ),
        (
            &content,
            "LZ4 frame 1 is damaged: its content checksum does not match",
        ),
        (
            &block,
            "LZ4 frame 1 is damaged: the checksum of block 1 does not match",
        ),
        (
            &frame(0x20, &[], &[]),
            "LZ4 frame 1 ends within the length of a block",
        ),
    ];
    for (body, expected) in cases {
        assert_eq!(message(body, LIMIT), expected);
    }
    assert!(message(&bad, LIMIT).starts_with("LZ4 frame 1 is damaged: block 1 does not decode"));
}

#[test]
fn output_beyond_the_limit_is_refused() {
    let data = [7; 10_000];
    for info in [checked(), FrameInfo::new().content_size(Some(10_000))] {
        let body = encode(&data, info);
        assert_eq!(decompress_frames(&body, 10_000).unwrap(), data);
        let expected = "LZ4 frame 1 leads to more than the 9999 bytes declared or allowed";
        assert_eq!(message(&body, 9_999), expected);
    }
}

#[test]
fn a_small_body_cannot_claim_gigabytes() {
    let size = 2_u64 << 30;
    let body = frame(
        0x28,
        &size.to_le_bytes(),
        &[stored(&[0; 1000]), stored(b"")].concat(),
    );
    assert_eq!(
        message(&body, usize::MAX),
        "LZ4 frame 1 has 1000 bytes where it declares 2147483648"
    );
}

/// Runs and noise, so that blocks are compressed, stored and matched across their borders.
fn contents() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        (any::<u8>(), 1..4000_usize).prop_map(|(byte, length)| vec![byte; length]),
        prop::collection::vec(any::<u8>(), 0..600),
        (prop::collection::vec(any::<u8>(), 1..40), 1..2000_usize)
            .prop_map(|(pattern, times)| pattern.repeat(times)),
    ];
    prop::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat())
}

fn infos() -> impl Strategy<Value = FrameInfo> {
    let size = prop_oneof![Just(BlockSize::Max64KB), Just(BlockSize::Max256KB)];
    (size, any::<[bool; 3]>()).prop_map(|(size, [linked, blocks, content])| {
        let mode = if linked {
            BlockMode::Linked
        } else {
            BlockMode::Independent
        };
        FrameInfo::new()
            .block_size(size)
            .block_mode(mode)
            .block_checksums(blocks)
            .content_checksum(content)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn what_was_encoded_comes_back(
        frames in prop::collection::vec((contents(), infos(), any::<bool>()), 1..4),
        piece in 1..5000_usize,
    ) {
        let body = frames.iter().flat_map(|(data, info, sized)| {
            let size = sized.then_some(data.len() as u64);
            encode(data, info.clone().content_size(size))
        });
        let body: Vec<u8> = body.collect();
        let expected: Vec<u8> = frames.into_iter().flat_map(|(data, ..)| data).collect();
        prop_assert_eq!(decompress_pieces(&body, LIMIT, piece).unwrap(), expected);
    }

    #[test]
    fn a_cut_body_is_an_error(data in contents(), info in infos(), at in any::<prop::sample::Index>()) {
        let body = encode(&data, info);
        let cut = at.index(body.len());
        prop_assert!(decompress_frames(&body[..cut], LIMIT).is_err());
    }

    #[test]
    fn a_flipped_bit_never_changes_the_output(
        data in contents(), at in any::<prop::sample::Index>(), bit in 0..8_u8,
    ) {
        let mut body = encode(&data, checked());
        let at = at.index(body.len());
        body[at] ^= 1 << bit;
        match decompress_frames(&body, LIMIT) {
            Err(_) => {}
            // The header checksum has eight bits: one in 256 changes of the header passes it.
            Ok(output) => prop_assert!(at < 7 && output == data),
        }
    }

    #[test]
    fn random_blocks_never_panic(
        linked in any::<bool>(), blocks in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..80), 0..6),
    ) {
        let mut content = Vec::new();
        for block in &blocks {
            content.extend_from_slice(&u32::try_from(block.len()).unwrap().to_le_bytes());
            content.extend_from_slice(block);
        }
        content.extend_from_slice(&stored(b"start"));
        let body = frame(if linked { 0 } else { 0x20 }, &[], &[content, stored(b"")].concat());
        if let Ok(output) = decompress_frames(&body, LIMIT) {
            prop_assert!(output.ends_with(b"start"));
        }
    }

    #[test]
    fn random_bytes_are_an_error(body in prop::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(decompress_frames(&body, LIMIT).is_err());
    }
}
