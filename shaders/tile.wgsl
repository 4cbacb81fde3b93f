// Tiles. Three paths share one bind group layout:
//   photo    position + uv, opaque, unlit: no discard unless FADE, so that depth is tested before shading
//   general  position, uv, colour, normal and an instance matrix (absent streams are bound with stride 0)
//   point    as general, one quad per point: streams step per instance
//
// Everything is relative to the camera already: `clip_from_primitive` comes from f64 once per draw and frame
// (viewer::precise holds the CPU twin of `vs_photo`). Depth is reversed with an infinite far plane.

struct Draw {
    clip_from_primitive: mat4x4<f32>,
    // Rotates (and unscales) normals of the primitive into east-north-up at the primitive; w unused.
    enu_from_normal_x: vec4<f32>,
    enu_from_normal_y: vec4<f32>,
    enu_from_normal_z: vec4<f32>,
    // Linear, straight alpha.
    color: vec4<f32>,
    // Kept where the dither pattern is below `fade`, or, when `fading_out` is not 0, where it is not.
    fade: f32,
    fading_out: u32,
    alpha_cutoff: f32,
    // Number of clip boxes from `first_box`; 0 draws everything.
    box_count: u32,
    first_box: u32,
    lit: u32,
    // Half the size of a point in normalised device coordinates.
    point_half_size: vec2<f32>,
}

// Rows of the affine map from primitive space to the unit box [-1, 1]^3.
struct ClipBox {
    x: vec4<f32>,
    y: vec4<f32>,
    z: vec4<f32>,
}

@group(0) @binding(0) var<uniform> draw: Draw;
@group(0) @binding(1) var<storage, read> boxes: array<ClipBox>;
@group(1) @binding(0) var base_texture: texture_2d<f32>;
@group(1) @binding(1) var base_sampler: sampler;

// Photo path: keep only the part of the dither pattern that `fade` asks for.
override FADE: bool = false;
// The target and the photo path's texture hold sRGB-encoded values that nobody converts: general colours are encoded
// here, photographs pass through as they are (no colour factor). Software drivers convert texel by texel otherwise.
override ENCODED: bool = false;
// General path: fade, clip boxes and alpha mask.
override CUT: bool = false;
// Alpha of the output: 1 unless blending.
override BLEND: bool = false;

struct PhotoVarying {
    @builtin(position) position: vec4<f32>,
    @location(0) uv: vec2<f32>,
}

@vertex
fn vs_photo(@location(0) position: vec3<f32>, @location(1) uv: vec2<f32>) -> PhotoVarying {
    var out: PhotoVarying;
    out.position = draw.clip_from_primitive * vec4<f32>(position, 1.0);
    out.uv = uv;
    return out;
}

@fragment
fn fs_photo(in: PhotoVarying) -> @location(0) vec4<f32> {
    if FADE {
        if faded_away(in.position.xy) {
            discard;
        }
    }
    let texel = textureSample(base_texture, base_sampler, in.uv).rgb;
    if ENCODED {
        return vec4<f32>(texel, 1.0);
    }
    return vec4<f32>(texel * draw.color.rgb, 1.0);
}

struct GeneralVertex {
    @location(0) position: vec3<f32>,
    @location(1) uv: vec2<f32>,
    @location(2) color: vec4<f32>,
    @location(3) normal: vec4<f32>,
    // Rows of the matrix that places this instance in primitive space.
    @location(4) instance_x: vec4<f32>,
    @location(5) instance_y: vec4<f32>,
    @location(6) instance_z: vec4<f32>,
}

struct GeneralVarying {
    @builtin(position) position: vec4<f32>,
    @location(0) uv: vec2<f32>,
    // Linear.
    @location(1) color: vec4<f32>,
    @location(2) in_primitive: vec3<f32>,
}

fn general(v: GeneralVertex) -> GeneralVarying {
    let p = vec4<f32>(v.position, 1.0);
    let in_primitive = vec3<f32>(dot(v.instance_x, p), dot(v.instance_y, p), dot(v.instance_z, p));
    var out: GeneralVarying;
    out.position = draw.clip_from_primitive * vec4<f32>(in_primitive, 1.0);
    out.uv = v.uv;
    out.color = vec4<f32>(linear_from_srgb(v.color.rgb), v.color.a) * draw.color;
    if draw.lit != 0u {
        let n = vec3<f32>(
            dot(v.instance_x.xyz, v.normal.xyz),
            dot(v.instance_y.xyz, v.normal.xyz),
            dot(v.instance_z.xyz, v.normal.xyz),
        );
        let in_enu = draw.enu_from_normal_x.xyz * n.x + draw.enu_from_normal_y.xyz * n.y
            + draw.enu_from_normal_z.xyz * n.z;
        out.color = vec4<f32>(out.color.rgb * sky_and_sun(in_enu), out.color.a);
    }
    out.in_primitive = in_primitive;
    return out;
}

@vertex
fn vs_general(v: GeneralVertex) -> GeneralVarying {
    return general(v);
}

@vertex
fn vs_point(v: GeneralVertex, @builtin(vertex_index) corner: u32) -> GeneralVarying {
    var out = general(v);
    let side = vec2<f32>(f32(corner & 1u), f32(corner >> 1u)) * 2.0 - 1.0;
    out.position = vec4<f32>(out.position.xy + side * draw.point_half_size * out.position.w, out.position.zw);
    return out;
}

@fragment
fn fs_general(in: GeneralVarying) -> @location(0) vec4<f32> {
    let color = textureSample(base_texture, base_sampler, in.uv) * in.color;
    if CUT {
        if faded_away(in.position.xy) || color.a < draw.alpha_cutoff || clipped(in.in_primitive) {
            discard;
        }
    }
    if BLEND {
        return color;
    }
    if ENCODED {
        return vec4<f32>(srgb_from_linear(color.rgb), 1.0);
    }
    return vec4<f32>(color.rgb, 1.0);
}

// Ordered dither, 8 x 8: thresholds (k + 0.5) / 64. Of a pair with one clock each pixel belongs to exactly one.
fn faded_away(position_px: vec2<f32>) -> bool {
    let x = u32(position_px.x);
    let y = u32(position_px.y);
    let a = x ^ y;
    let k = ((a & 1u) << 5u) | ((y & 1u) << 4u) | ((a & 2u) << 2u) | ((y & 2u) << 1u) | ((a & 4u) >> 1u) | ((y & 4u) >> 2u);
    let threshold = (f32(k) + 0.5) / 64.0;
    return (threshold >= draw.fade) != (draw.fading_out != 0u);
}

fn clipped(in_primitive: vec3<f32>) -> bool {
    let p = vec4<f32>(in_primitive, 1.0);
    for (var i = 0u; i < draw.box_count; i++) {
        let b = boxes[draw.first_box + i];
        if all(abs(vec3<f32>(dot(b.x, p), dot(b.y, p), dot(b.z, p))) <= vec3<f32>(1.0)) {
            return false;
        }
    }
    return draw.box_count != 0u;
}

fn linear_from_srgb(c: vec3<f32>) -> vec3<f32> {
    return select(pow((c + 0.055) / 1.055, vec3<f32>(2.4)), c / 12.92, c <= vec3<f32>(0.04045));
}

fn srgb_from_linear(c: vec3<f32>) -> vec3<f32> {
    return select(1.055 * pow(c, vec3<f32>(1.0 / 2.4)) - 0.055, 12.92 * c, c <= vec3<f32>(0.0031308));
}

// A fixed overcast sky with a sun from the south-west, 50 degrees high; factors chosen so that level ground keeps
// its colour.
fn sky_and_sun(normal_in_enu: vec3<f32>) -> f32 {
    let n = normalize(normal_in_enu + vec3<f32>(0.0, 0.0, 1e-12));
    let sun = max(dot(n, vec3<f32>(-0.4545, -0.4545, 0.766)), 0.0);
    let sky = 0.5 + 0.5 * n.z;
    return 0.5 * sky + 0.653 * sun;
}
