//! Materials and textures of made-up glTF files.

use scene::content::{AlphaMode, Texture, TextureFormat, TextureSupport, Wrap};
use serde_json::json;

use crate::made::Model;
use crate::support::context;

fn textured(image: &[u8]) -> Model {
    let mut model = Model::triangle();
    let uvs = model.floats("VEC2", &[0., 0., 1., 0., 0., 1.]);
    let material = model.textured_material(image);
    model.json["meshes"][0]["primitives"][0]["attributes"]["TEXCOORD_0"] = json!(uvs);
    model.json["meshes"][0]["primitives"][0]["material"] = json!(material);
    model
}

fn texture_of(image: &[u8]) -> Texture {
    let mut content = textured(image).content();
    assert_eq!(content.textures.len(), 1);
    content.textures.remove(0)
}

fn png(
    width: u32,
    height: u32,
    color: png::ColorType,
    depth: png::BitDepth,
    palette: &[u8],
    data: &[u8],
) -> Vec<u8> {
    let mut out = Vec::new();
    let mut encoder = png::Encoder::new(&mut out, width, height);
    encoder.set_color(color);
    encoder.set_depth(depth);
    if !palette.is_empty() {
        encoder.set_palette(palette.to_vec());
    }
    encoder.write_header().unwrap().write_image_data(data).unwrap();
    out
}

#[test]
fn every_kind_of_png_becomes_rgba() {
    use png::BitDepth::{Eight, One, Sixteen};
    use png::ColorType::{Grayscale, GrayscaleAlpha, Indexed, Rgb, Rgba};
    let cases: [(_, _, &[u8], &[u8], [u8; 8]); 7] = [
        (Rgba, Eight, &[], &[1, 2, 3, 4, 5, 6, 7, 8], [1, 2, 3, 4, 5, 6, 7, 8]),
        (Rgb, Eight, &[], &[1, 2, 3, 4, 5, 6], [1, 2, 3, 255, 4, 5, 6, 255]),
        (Rgb, Sixteen, &[], &[9, 0, 8, 0, 7, 0, 6, 0, 5, 0, 4, 0], [9, 8, 7, 255, 6, 5, 4, 255]),
        (Grayscale, Eight, &[], &[10, 20], [10, 10, 10, 255, 20, 20, 20, 255]),
        (Grayscale, One, &[], &[0b0100_0000], [0, 0, 0, 255, 255, 255, 255, 255]),
        (GrayscaleAlpha, Eight, &[], &[10, 20, 30, 40], [10, 10, 10, 20, 30, 30, 30, 40]),
        (Indexed, Eight, &[1, 2, 3, 4, 5, 6], &[1, 0], [4, 5, 6, 255, 1, 2, 3, 255]),
    ];
    for (color, depth, palette, data, expected) in cases {
        let texture = texture_of(&png(2, 1, color, depth, palette, data));
        assert_eq!(texture.mips[0], expected, "{color:?} {depth:?}");
        assert_eq!(texture.mips.len(), 2);
    }
}

fn assert_near(pixel: &[u8], expected: [u8; 3], tolerance: i32, what: &str) {
    for (a, b) in pixel.iter().zip(expected) {
        assert!((i32::from(*a) - i32::from(b)).abs() <= tolerance, "{what}: {pixel:?}, not {expected:?}");
    }
    assert_eq!(pixel[3], 255);
}

#[test]
fn lossy_images_keep_their_colours_and_their_top() {
    let images: [(&str, &[u8]); 3] = [
        ("progressive", include_bytes!("fixtures/progressive.jpg")),
        ("cmyk", include_bytes!("fixtures/cmyk.jpg")),
        ("webp", include_bytes!("fixtures/lossy.webp")),
    ];
    for (name, image) in images {
        let texture = texture_of(image);
        assert_eq!((texture.width, texture.height, texture.mips.len()), (24, 16, 5), "{name}");
        assert_near(&texture.mips[0][..4], [250, 0, 8], 24, name);
        assert_near(&texture.mips[0][24 * 15 * 4..][..4], [8, 0, 250], 24, name);
    }
}

#[test]
fn webp_without_loss_is_exact_with_and_without_alpha() {
    for (color, data) in [
        (image_webp::ColorType::Rgba8, vec![9, 8, 7, 6, 5, 4, 3, 2]),
        (image_webp::ColorType::Rgb8, vec![9, 8, 7, 5, 4, 3]),
    ] {
        let mut out = Vec::new();
        image_webp::WebPEncoder::new(&mut out).encode(&data, 2, 1, color).unwrap();
        let texture = texture_of(&out);
        assert_eq!(texture.mips[0][..3], [9, 8, 7]);
        assert_eq!(texture.mips[0][3], if data.len() == 8 { 6 } else { 255 });
    }
}

#[test]
fn the_texture_transform_is_baked_into_the_coordinates() {
    let mut model = textured(&png(1, 1, png::ColorType::Rgb, png::BitDepth::Eight, &[], &[1, 2, 3]));
    let info = &mut model.json["materials"][0]["pbrMetallicRoughness"]["baseColorTexture"];
    info["extensions"] = json!({ "KHR_texture_transform": { "offset": [0.5, 0.25], "scale": [2.0, 4.0], "rotation": std::f64::consts::FRAC_PI_2 } });
    let content = model.content();
    let uvs = content.primitives[0].uvs.as_ref().unwrap();
    // A quarter turn takes u to -v (up in an image with v down) and v to u.
    for (uv, expected) in uvs.iter().zip([[0.5, 0.25], [0.5, -1.75], [4.5, 0.25]]) {
        assert!(uv.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-5), "{uvs:?}");
    }
}

#[test]
fn an_image_decodes_once_and_is_drawn_without_when_broken() {
    let image = png(1, 1, png::ColorType::Rgb, png::BitDepth::Eight, &[], &[1, 2, 3]);
    let mut model = textured(&image);
    model.push("textures", json!({ "source": 0 }));
    model.push(
        "materials",
        json!({ "pbrMetallicRoughness": { "baseColorTexture": { "index": 1 } }, "doubleSided": true,
        "alphaMode": "MASK", "alphaCutoff": 0.25, "normalTexture": { "index": 0 } }),
    );
    let mut second = model.json["meshes"][0]["primitives"][0].clone();
    second["material"] = json!(1);
    model.primitive(second);
    let content = model.content();
    assert_eq!((content.textures.len(), content.materials.len()), (1, 2));
    assert_eq!(content.materials[1].alpha, AlphaMode::Mask(0.25));
    assert!(content.materials[1].double_sided && content.materials[1].unlit);
    assert_eq!(content.textures[0].sampler.wrap, [Wrap::Repeat; 2]);

    let (content, warnings) = textured(&image[..30]).decode().unwrap();
    assert_eq!((content.textures.len(), warnings.len()), (0, 1));
    assert_eq!(warnings[0].place, "/images/0");
    assert!(content.primitives[0].uvs.is_none());
}

#[test]
fn webp_and_basis_extensions_come_before_the_plain_source() {
    let mut model = textured(&png(1, 1, png::ColorType::Rgb, png::BitDepth::Eight, &[], &[1, 2, 3]));
    let mut webp = Vec::new();
    image_webp::WebPEncoder::new(&mut webp).encode(&[9, 8, 7], 1, 1, image_webp::ColorType::Rgb8).unwrap();
    let view = model.view(&webp);
    model.push("images", json!({ "bufferView": view, "mimeType": "image/webp" }));
    model.json["textures"][0] = json!({ "extensions": { "EXT_texture_webp": { "source": 1 } }, "source": 0 });
    assert_eq!(model.content().textures[0].mips[0][..3], [9, 8, 7]);
    model.json["textures"][0] = json!({ "extensions": { "EXT_texture_webp": { "source": 1 } } });
    assert_eq!(model.content().textures[0].mips[0][..3], [9, 8, 7]);
}

#[test]
fn specular_glossiness_gives_its_diffuse_colour() {
    let mut model = Model::triangle();
    model.push("materials", json!({ "extensions": { "KHR_materials_pbrSpecularGlossiness": { "diffuseFactor": [0.5, 0.25, 1.0, 0.75] } } }));
    model.json["meshes"][0]["primitives"][0]["material"] = json!(0);
    assert_eq!(model.content().materials[0].base_color, [0.5, 0.25, 1.0, 0.75]);
}

/// A KTX2 file (KTX 2.0 specification, section 3) with the given levels, largest first.
fn ktx2(format: u32, width: u32, height: u32, scheme: u32, model: u8, levels: &[(Vec<u8>, u64)]) -> Vec<u8> {
    let mut dfd = vec![0u8; 4 + 24 + 16];
    let total = dfd.len() as u32;
    dfd[..4].copy_from_slice(&total.to_le_bytes());
    dfd[8..10].copy_from_slice(&2u16.to_le_bytes());
    dfd[10..12].copy_from_slice(&40u16.to_le_bytes());
    dfd[12..16].copy_from_slice(&[model, 1, 2, 0]);
    dfd[16..18].copy_from_slice(&[3, 3]);
    dfd[20] = 16;
    dfd[30] = 127;
    let data_at = 80 + 24 * levels.len() + dfd.len();
    let mut out = b"\xABKTX 20\xBB\r\n\x1A\n".to_vec();
    for word in [
        format,
        1,
        width,
        height,
        0,
        0,
        1,
        levels.len() as u32,
        scheme,
        (80 + 24 * levels.len()) as u32,
        total,
        0,
        0,
    ] {
        out.extend_from_slice(&word.to_le_bytes());
    }
    out.extend_from_slice(&[0; 16]);
    let mut at = data_at as u64;
    for (level, uncompressed) in levels {
        for value in [at, level.len() as u64, *uncompressed] {
            out.extend_from_slice(&value.to_le_bytes());
        }
        at += level.len() as u64;
    }
    out.extend_from_slice(&dfd);
    levels.iter().for_each(|(level, _)| out.extend_from_slice(level));
    out
}

#[test]
fn plain_ktx2_passes_through_with_its_levels() {
    let levels: Vec<(Vec<u8>, u64)> = [(4, 64u64), (1, 16), (1, 16), (1, 16)]
        .iter()
        .map(|&(blocks, size)| (vec![blocks; size as usize], size))
        .collect();
    let file = ktx2(146, 8, 8, 0, 134, &levels);
    let model = textured(&file);
    let mut context = context("a.glb");
    context.texture_support = TextureSupport { bc: true, ..TextureSupport::default() };
    let (content, warnings) = model.decode_with(&context).unwrap();
    assert_eq!(warnings, []);
    assert_eq!(content.textures[0].format, TextureFormat::Bc7Srgb);
    assert_eq!(content.textures[0].mips.iter().map(Vec::len).collect::<Vec<_>>(), [64, 16, 16, 16]);
    let (content, warnings) = model.decode().unwrap();
    assert_eq!((content.textures.len(), warnings.len()), (0, 1));
    assert!(warnings[0].reason.contains("cannot be sampled"), "{warnings:?}");
}

#[test]
fn zstandard_levels_inflate_and_never_beyond_their_size() {
    let pixels: Vec<u8> = (0..64).collect();
    let packed = ruzstd::encoding::compress_to_vec(&pixels[..], ruzstd::encoding::CompressionLevel::Fastest);
    let texture = texture_of(&ktx2(43, 4, 4, 2, 1, &[(packed.clone(), 64)]));
    assert_eq!((&texture.mips[0], texture.mips.len()), (&pixels, 3));
    let (_, warnings) = textured(&ktx2(43, 2, 2, 2, 1, &[(packed.clone(), 16)])).decode().unwrap();
    assert_eq!(warnings.len(), 1);
    let (_, warnings) = textured(&ktx2(43, 4, 4, 2, 1, &[(packed, u64::MAX / 2)])).decode().unwrap();
    assert!(warnings[0].reason.contains("claims"), "{warnings:?}");
}

#[test]
fn uastc_transcodes_to_what_the_gpu_samples() {
    // UASTC mode 8 (a solid block): five mode bits 0b10111, then red, green, blue, alpha.
    let solid: u128 = 0b10111 | 200 << 5 | 100 << 13 | 50 << 21 | 255 << 29;
    let file = ktx2(0, 4, 4, 0, 166, &[(solid.to_le_bytes().to_vec(), 16)]);
    let model = textured(&file);
    let decode = |support: TextureSupport| {
        let mut context = context("a.glb");
        context.texture_support = support;
        let (mut content, warnings) = model.decode_with(&context).unwrap();
        assert_eq!(warnings, []);
        content.textures.remove(0)
    };
    let none = TextureSupport::default();
    let rgba = decode(none);
    assert_eq!((rgba.format, rgba.mips.len()), (TextureFormat::Rgba8Srgb, 3));
    assert_eq!(rgba.mips[0][..4], [200, 100, 50, 255]);
    for (support, format, size) in [
        (TextureSupport { bc: true, ..none }, TextureFormat::Bc7Srgb, 16),
        (TextureSupport { astc: true, ..none }, TextureFormat::Astc4x4Srgb, 16),
        (TextureSupport { etc2: true, ..none }, TextureFormat::Etc2RgbSrgb, 8),
    ] {
        let texture = decode(support);
        assert_eq!((texture.format, texture.mips.len(), texture.mips[0].len()), (format, 1, size));
    }
}
