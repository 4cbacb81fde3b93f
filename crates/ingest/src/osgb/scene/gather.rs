//! From the objects of a file to what it shows.

use glam::{DMat4, DVec3};

use super::{Counts, Level, Lod, Mesh, RangeMode, Scene, Step, StepContent, Vectors, triangles};
use crate::osgb::{
    Limits, OsgbError, OsgbErrorKind,
    raw::{self, Attribute, Handle, ImageHandle, Node, NodeKind, Object, RawScene, text},
};

type Result<T> = std::result::Result<T, OsgbError>;

/// State that nodes hand down.
#[derive(Clone, Copy, Debug, Default)]
struct Inherited {
    scene_from_node: Option<DMat4>,
    image: Option<ImageHandle>,
    color: Option<[f32; 4]>,
}

struct Gather<'s, 'a> {
    file: &'s str,
    raw: &'s RawScene<'a>,
    limits: &'s Limits,
    on_path: Vec<bool>,
    depth: u32,
    visits: u64,
    corners_left: u64,
    issues: Vec<OsgbError>,
    counts: Counts,
}

pub(super) fn gather<'a>(file: &str, raw: RawScene<'a>, limits: &Limits) -> Result<Scene<'a>> {
    let mut gather = Gather {
        file,
        raw: &raw,
        limits,
        on_path: vec![false; raw.objects.len()],
        depth: 0,
        visits: 0,
        corners_left: limits.max_corners,
        issues: Vec::new(),
        counts: Counts::default(),
    };
    gather.counts.skipped_objects =
        raw.objects.iter().filter(|object| matches!(object, Object::Skipped { .. })).count() as u64;
    for object in &raw.objects {
        if let Object::Skipped { class, offset } = object {
            let kind = OsgbErrorKind::Unsupported(format!("class {class:?}"));
            gather.issues.push(gather.error("object", *offset, "class", kind));
        }
    }
    if raw.trailing_bytes > 0 {
        let reason = format!("{} bytes after the root object", raw.trailing_bytes);
        gather.issues.push(gather.error("header", 0, "end of file", OsgbErrorKind::Corrupt(reason)));
    }
    let mut root = Level::default();
    if let Some(handle) = raw.root {
        gather.visit(handle, Inherited::default(), &mut root)?;
    }
    let (issues, counts) = (gather.issues, gather.counts);
    Ok(Scene { root, images: raw.images, issues, counts })
}

impl<'a> Gather<'_, 'a> {
    fn error(&self, class: &str, offset: u64, field: &str, kind: OsgbErrorKind) -> OsgbError {
        OsgbError {
            file: self.file.to_owned(),
            offset,
            in_body: self.raw.in_body,
            class: class.to_owned(),
            field: field.to_owned(),
            kind,
        }
    }

    fn issue(&mut self, node: &Node<'a>, field: &str, kind: OsgbErrorKind) {
        let issue = self.error(node.class, node.offset, field, kind);
        self.issues.push(issue);
    }

    /// Adds what the object shows to `level`.
    fn visit(&mut self, handle: Handle, inherited: Inherited, level: &mut Level<'a>) -> Result<()> {
        let raw = self.raw;
        let Some(Object::Node(node)) = raw.objects.get(handle.index()) else {
            // Skipped classes are listed already; what is no node shows nothing.
            return Ok(());
        };
        self.visits += 1;
        if self.visits > self.limits.max_visits {
            let reason = format!("more than {} nodes", self.limits.max_visits);
            return Err(self.error(node.class, node.offset, "children", OsgbErrorKind::OverBudget(reason)));
        }
        let on_path = self.on_path.get(handle.index()).copied().unwrap_or(true);
        if on_path {
            self.issue(node, "children", OsgbErrorKind::Corrupt("the node is its own descendant".into()));
            return Ok(());
        }
        if self.depth >= self.limits.max_depth {
            let reason = format!("nodes are nested more than {} deep", self.limits.max_depth);
            return Err(self.error(node.class, node.offset, "children", OsgbErrorKind::OverBudget(reason)));
        }
        if node.mask == 0 {
            return Ok(());
        }
        self.set_on_path(handle, true);
        self.depth += 1;
        let inherited = self.with_state(node.state_set, inherited);
        let result = self.visit_kind(node, inherited, level);
        self.depth -= 1;
        self.set_on_path(handle, false);
        result
    }

    fn set_on_path(&mut self, handle: Handle, value: bool) {
        if let Some(slot) = self.on_path.get_mut(handle.index()) {
            *slot = value;
        }
    }

    fn visit_kind(&mut self, node: &'_ Node<'a>, inherited: Inherited, level: &mut Level<'a>) -> Result<()> {
        match &node.kind {
            NodeKind::Empty => Ok(()),
            NodeKind::Group(children) | NodeKind::Geode(children) => {
                self.visit_all(children, inherited, level)
            }
            NodeKind::Switch { children, values } => {
                for (at, child) in children.iter().enumerate() {
                    if values.get(at).copied().unwrap_or(true) {
                        self.visit_all(std::slice::from_ref(child), inherited, level)?;
                    }
                }
                Ok(())
            }
            NodeKind::Transform { children, matrix } => {
                let matrix = DMat4::from_cols_array(matrix);
                if !matrix.is_finite() {
                    self.issue(node, "matrix", OsgbErrorKind::Corrupt("not finite".into()));
                    return Ok(());
                }
                let placed = inherited.scene_from_node.map_or(matrix, |outer| outer * matrix);
                let inherited = Inherited { scene_from_node: Some(placed), ..inherited };
                self.visit_all(children, inherited, level)
            }
            NodeKind::Proxy { files, children } => {
                let names = files.iter().filter(|name| !name.is_empty());
                level.files.extend(names.map(|name| text(name).into_owned()));
                self.visit_all(children, inherited, level)
            }
            NodeKind::Lod(lod) => {
                let lod = self.lod(node, lod, inherited)?;
                level.lods.extend(lod);
                Ok(())
            }
            NodeKind::Geometry(geometry) => {
                self.counts.geometries += 1;
                let meshes = self.mesh(node, geometry, inherited);
                level.meshes.extend(meshes);
                Ok(())
            }
        }
    }

    fn visit_all(
        &mut self,
        children: &[Option<Handle>],
        inherited: Inherited,
        level: &mut Level<'a>,
    ) -> Result<()> {
        children.iter().flatten().try_for_each(|child| self.visit(*child, inherited, level))
    }

    fn with_state(&self, state_set: Option<Handle>, mut inherited: Inherited) -> Inherited {
        let objects = &self.raw.objects;
        let object = |handle: &Handle| objects.get(handle.index());
        let Some(Object::StateSet(set)) = state_set.as_ref().and_then(object) else { return inherited };
        let unit_0 = set.texture_attributes.first().into_iter().flatten();
        for attribute in unit_0.flatten().filter_map(object) {
            if let Object::Texture2D(image) = attribute {
                inherited.image = *image;
            }
        }
        for attribute in set.attributes.iter().flatten().filter_map(object) {
            if let Object::Material(diffuse) = attribute {
                inherited.color = Some(*diffuse);
            }
        }
        inherited
    }

    fn lod(
        &mut self,
        node: &'_ Node<'a>,
        lod: &'_ raw::Lod<'a>,
        inherited: Inherited,
    ) -> Result<Option<Lod<'a>>> {
        let ranges = match lod.range_mode {
            0 => RangeMode::Distance,
            1 => RangeMode::PixelSize,
            other => {
                let kind = OsgbErrorKind::Corrupt(format!("range mode {other} does not exist"));
                self.issue(node, "range mode", kind);
                RangeMode::PixelSize
            }
        };
        if lod.is_paged {
            self.counts.paged_lods += 1;
        }
        let mut inline = lod.children.iter();
        let count = if lod.is_paged { lod.ranges.len().max(lod.files.len()) } else { lod.children.len() };
        let mut steps = Vec::new();
        for at in 0..count {
            let file = lod.files.get(at).filter(|name| !name.is_empty());
            let content = match file {
                Some(name) => StepContent::File(text(name).into_owned()),
                None => match inline.next() {
                    Some(child) => {
                        let mut level = Level::default();
                        self.visit_all(std::slice::from_ref(child), inherited, &mut level)?;
                        StepContent::Inline(level)
                    }
                    // A range for a child that was neither named nor stored.
                    None => continue,
                },
            };
            let range = lod.ranges.get(at).map(|r| r.map(f64::from)).filter(|[low, high]| low <= high);
            if range.is_none() && at < lod.ranges.len() {
                let kind = OsgbErrorKind::Corrupt(format!("range {at} is {:?}", lod.ranges.get(at)));
                self.issue(node, "ranges", kind);
            }
            steps.push(Step { range, content });
        }
        // Inline children without a range of their own.
        for child in inline {
            let mut level = Level::default();
            self.visit_all(std::slice::from_ref(child), inherited, &mut level)?;
            steps.push(Step { range: None, content: StepContent::Inline(level) });
        }
        let sphere = lod.user_sphere.filter(|s| s.iter().all(|n| n.is_finite()) && s[3] > 0.0);
        let placed = sphere.map(|[x, y, z, radius]| match inherited.scene_from_node {
            None => (DVec3::new(x, y, z), radius),
            Some(matrix) => {
                let scale = [matrix.x_axis, matrix.y_axis, matrix.z_axis]
                    .map(|axis| axis.truncate().length())
                    .into_iter()
                    .fold(0.0, f64::max);
                (matrix.transform_point3(DVec3::new(x, y, z)), radius * scale)
            }
        });
        let (center, radius_m) = (placed.map(|(c, _)| c), placed.map(|(_, r)| r));
        Ok(Some(Lod { center, radius_m, ranges, steps, offset: node.offset }))
    }

    fn array(&self, attribute: &Attribute) -> Option<&raw::Array<'a>> {
        match self.raw.objects.get(attribute.array?.index()) {
            Some(Object::Array(array)) => Some(array),
            _ => None,
        }
    }

    fn mesh(
        &mut self,
        node: &'_ Node<'a>,
        geometry: &'_ raw::Geometry,
        inherited: Inherited,
    ) -> Option<Mesh<'a>> {
        let raw = self.raw;
        let vectors = |attribute: &Attribute| {
            let array = self.array(attribute)?;
            Vectors::of(array, raw.big_endian)
        };
        let positions = vectors(&geometry.vertices);
        let uvs = geometry.tex_coords.first().filter(|uvs| uvs.binding != 0).and_then(vectors);
        let color = self.array(&geometry.colors).and_then(|array| mean_color(array, raw.big_endian));
        let indexed = geometry.vertices.indices.is_some()
            || geometry.tex_coords.first().is_some_and(|uvs| uvs.indices.is_some());
        let positions = positions?;
        if positions.is_empty() {
            return None;
        }
        if indexed {
            self.issue(node, "vertices", OsgbErrorKind::Unsupported("an index array per attribute".into()));
            return None;
        }
        if !positions.is_finite() {
            self.issue(node, "vertices", OsgbErrorKind::Corrupt("a coordinate is no number".into()));
            return None;
        }
        let corners = self.corners(node, geometry, positions.len());
        if corners.is_empty() {
            return None;
        }
        let uvs = match uvs {
            Some(uvs) if uvs.len() != positions.len() => {
                let reason = format!("{} for {} vertices", uvs.len(), positions.len());
                self.issue(node, "texture coordinates", OsgbErrorKind::Corrupt(reason));
                None
            }
            Some(uvs) if !uvs.is_finite() => {
                let kind = OsgbErrorKind::Corrupt("a coordinate is no number".into());
                self.issue(node, "texture coordinates", kind);
                None
            }
            uvs => uvs,
        };
        self.counts.vertices += positions.len() as u64;
        self.counts.triangles += corners.len() as u64 / 3;
        let image = inherited.image.filter(|_| uvs.is_some());
        // Materials of textured photogrammetry are whatever the tool left there; the texture is the truth.
        let color = color.or(inherited.color).unwrap_or([1.0; 4]);
        Some(Mesh {
            positions,
            uvs: uvs.filter(|_| image.is_some()),
            corners,
            image,
            color: color.map(|c| if c.is_finite() { c.clamp(0.0, 1.0) } else { 1.0 }),
            scene_from_mesh: inherited.scene_from_node,
        })
    }

    fn corners(&mut self, node: &Node<'a>, geometry: &raw::Geometry, vertex_count: usize) -> Vec<u32> {
        let raw = self.raw;
        let mut corners = Vec::new();
        for handle in geometry.primitives.iter().flatten() {
            let Some(Object::Primitives(set)) = raw.objects.get(handle.index()) else { continue };
            let result =
                triangles::append(set, vertex_count, raw.big_endian, self.corners_left, &mut corners);
            match result {
                Ok(()) => {}
                Err(triangles::Refused::NotTriangles) => self.counts.not_triangles += 1,
                Err(triangles::Refused::Corrupt(reason)) => {
                    self.issue(node, "primitives", OsgbErrorKind::Corrupt(reason));
                }
                Err(triangles::Refused::OverBudget) => {
                    let reason = format!("more than {} corners of triangles", self.limits.max_corners);
                    self.issue(node, "primitives", OsgbErrorKind::OverBudget(reason));
                }
            }
        }
        self.corners_left = self.corners_left.saturating_sub(corners.len() as u64);
        corners
    }
}

/// The mean colour of an array, as factors: contents carry one colour for a mesh without texture.
fn mean_color(array: &raw::Array<'_>, big_endian: bool) -> Option<[f32; 4]> {
    use raw::Component;
    if !(3..=4).contains(&array.width) || array.count == 0 {
        return None;
    }
    let mut sums = [0.0f64; 4];
    let mut add = |at: usize, value: f64| {
        if let Some(sum) = sums.get_mut(at % array.width) {
            *sum += value;
        }
    };
    match array.component {
        Component::U8 => {
            array.bytes.iter().enumerate().for_each(|(at, byte)| add(at, f64::from(*byte) / 255.0));
        }
        Component::F32 => array.bytes.as_chunks::<4>().0.iter().enumerate().for_each(|(at, bytes)| {
            let value = if big_endian { f32::from_be_bytes(*bytes) } else { f32::from_le_bytes(*bytes) };
            add(at, f64::from(value));
        }),
        _ => return None,
    }
    let mut color = sums.map(|sum| (sum / array.count as f64) as f32);
    if array.width == 3 {
        color[3] = 1.0;
    }
    Some(color)
}
