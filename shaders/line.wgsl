// Lines for debug views: positions are relative to the camera already.

@group(0) @binding(0) var<uniform> clip_from_relative: mat4x4<f32>;

// The target holds sRGB-encoded values that nobody converts.
override ENCODED: bool = false;

struct Varying {
    @builtin(position) position: vec4<f32>,
    @location(0) color: vec4<f32>,
}

@vertex
fn vs_line(@location(0) relative: vec3<f32>, @location(1) color: vec4<f32>) -> Varying {
    var out: Varying;
    out.position = clip_from_relative * vec4<f32>(relative, 1.0);
    out.color = color;
    return out;
}

@fragment
fn fs_line(in: Varying) -> @location(0) vec4<f32> {
    if ENCODED {
        let c = in.color.rgb;
        let low = c <= vec3<f32>(0.0031308);
        return vec4<f32>(select(1.055 * pow(c, vec3<f32>(1.0 / 2.4)) - 0.055, 12.92 * c, low), in.color.a);
    }
    return in.color;
}
