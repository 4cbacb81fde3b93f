//! Nodes.

use super::{Handle, Lod, MIN_OBJECT_BYTES, Node, NodeKind, Reader, Result, classes::Class};

impl<'a> Reader<'a> {
    /// Everything of a node after `osg::Object`.
    pub(super) fn node_kind(&mut self, class: Class, node: &mut Node<'a>) -> Result<()> {
        if class == Class::Geometry {
            if self.version() >= 154 {
                self.node_fields(node)?;
            }
            self.drawable_fields(node)?;
            node.kind = NodeKind::Geometry(Box::new(self.geometry()?));
            return Ok(());
        }
        self.node_fields(node)?;
        node.kind = match class {
            Class::Group | Class::CoordinateSystemNode | Class::Switch | Class::Transform => {
                self.group(class)?
            }
            Class::MatrixTransform | Class::PositionAttitudeTransform => self.placed_group(class)?,
            Class::Lod | Class::PagedLod => NodeKind::Lod(Box::new(self.lod(class)?)),
            Class::ProxyNode => self.proxy()?,
            Class::Geode | Class::Billboard => {
                let drawables = self.optional_object_list("drawables")?;
                if class == Class::Billboard {
                    self.billboard()?;
                }
                NodeKind::Geode(drawables)
            }
            _ => NodeKind::Empty,
        };
        Ok(())
    }

    /// `osg::Node`.
    fn node_fields(&mut self, node: &mut Node<'a>) -> Result<()> {
        if self.cursor.bool("initial bound")? {
            let block = self.cursor.open("initial bound")?;
            self.cursor.f64s::<4>("initial bound")?;
            self.cursor.close(block, "initial bound")?;
        }
        for callback in ["bounding-sphere callback", "update callback", "event callback", "cull callback"] {
            self.optional_object(callback)?;
        }
        self.cursor.bool("culling active")?;
        node.mask = self.cursor.u32("node mask")?;
        if self.version() <= 76 && self.cursor.bool("descriptions")? {
            self.text_list("descriptions")?;
        }
        node.state_set = self.optional_object("state set")?.or(node.state_set);
        Ok(())
    }

    /// `osg::Drawable`.
    fn drawable_fields(&mut self, node: &mut Node<'a>) -> Result<()> {
        let version = self.version();
        if version <= 155 {
            node.state_set = self.optional_object("state set")?.or(node.state_set);
        }
        if self.cursor.bool("initial bound")? {
            let block = self.cursor.open("initial bound")?;
            self.cursor.f64s::<6>("initial bound")?;
            self.cursor.close(block, "initial bound")?;
        }
        self.optional_object("bounding-box callback")?;
        self.optional_object("shape")?;
        for flag in ["supports display list", "use display list", "use VBO"] {
            self.cursor.bool(flag)?;
        }
        if version <= 155 {
            for callback in ["update callback", "event callback", "cull callback", "draw callback"] {
                self.optional_object(callback)?;
            }
        }
        if version >= 142 {
            let mask = self.cursor.u32("node mask")?;
            if version < 154 {
                node.mask = mask;
            }
        }
        if version >= 145 {
            self.cursor.bool("culling active")?;
        }
        Ok(())
    }

    fn group(&mut self, class: Class) -> Result<NodeKind<'a>> {
        let children = self.optional_object_list("children")?;
        match class {
            Class::Transform => {
                self.cursor.i32("reference frame")?;
            }
            Class::CoordinateSystemNode => {
                self.cursor.text("format")?;
                self.cursor.text("coordinate system")?;
                self.optional_object("ellipsoid")?;
            }
            Class::Switch => {
                self.cursor.bool("new-child default")?;
                let count = self.cursor.count(1, "values")?;
                let values = self.cursor.bytes(count, "values")?.iter().map(|&b| b != 0).collect();
                return Ok(NodeKind::Switch { children, values });
            }
            _ => {}
        }
        Ok(NodeKind::Group(children))
    }

    fn placed_group(&mut self, class: Class) -> Result<NodeKind<'a>> {
        let children = self.optional_object_list("children")?;
        self.cursor.i32("reference frame")?;
        let matrix = if class == Class::MatrixTransform {
            self.matrix("matrix")?
        } else {
            let position = self.cursor.f64s("position")?;
            let attitude = self.cursor.f64s("attitude")?;
            let scale = self.cursor.f64s("scale")?;
            let pivot = self.cursor.f64s("pivot")?;
            rows_of(position, attitude, scale, pivot)
        };
        Ok(NodeKind::Transform { children, matrix })
    }

    fn lod(&mut self, class: Class) -> Result<Lod<'a>> {
        let mut lod = Lod { is_paged: class == Class::PagedLod, ..Lod::default() };
        if !lod.is_paged {
            lod.children = self.optional_object_list("children")?;
        }
        lod.center_mode = self.cursor.i32("centre mode")?;
        if self.cursor.bool("user centre")? {
            lod.user_sphere = Some(self.cursor.f64s("user centre")?);
        }
        lod.range_mode = self.cursor.i32("range mode")?;
        if self.cursor.bool("ranges")? {
            let count = self.cursor.count(8, "ranges")?;
            let block = self.cursor.open("ranges")?;
            lod.ranges.reserve(count);
            for _ in 0..count {
                lod.ranges.push(self.cursor.f32s("ranges")?);
            }
            self.cursor.close(block, "ranges")?;
        }
        if !lod.is_paged {
            return Ok(lod);
        }
        // The folder it was saved in on another computer: of no use.
        self.cursor.bool("database path")?;
        if self.cursor.bool("database path")? {
            self.cursor.text("database path")?;
        }
        if self.version() <= 69 {
            self.cursor.u32("frame number")?;
        }
        self.cursor.u32("children that cannot expire")?;
        self.cursor.bool("disable external paging")?;
        if self.cursor.bool("range data")? {
            lod.files = self.text_list("file names")?;
            let count = self.cursor.count(8, "priorities")?;
            let block = self.cursor.open("priorities")?;
            self.cursor.bytes(count * 8, "priorities")?;
            self.cursor.close(block, "priorities")?;
        }
        lod.children = self.paged_children()?;
        Ok(lod)
    }

    /// `OPT( n u32, and if n > 0: BLOCK{ n × OBJ } )`.
    fn paged_children(&mut self) -> Result<Vec<Option<Handle>>> {
        if !self.cursor.bool("children")? {
            return Ok(Vec::new());
        }
        let count = self.cursor.count(MIN_OBJECT_BYTES, "children")?;
        if count == 0 {
            return Ok(Vec::new());
        }
        let block = self.cursor.open("children")?;
        let children = self.object_list(count, "children")?;
        self.cursor.close(block, "children")?;
        Ok(children)
    }

    fn proxy(&mut self) -> Result<NodeKind<'a>> {
        let files = if self.cursor.bool("file names")? { self.text_list("file names")? } else { Vec::new() };
        let children = self.paged_children()?;
        self.cursor.text("database path")?;
        self.cursor.i32("loading mode")?;
        self.cursor.i32("centre mode")?;
        if self.cursor.bool("user centre")? {
            self.cursor.f64s::<4>("user centre")?;
        }
        Ok(NodeKind::Proxy { files, children })
    }

    fn billboard(&mut self) -> Result<()> {
        self.cursor.i32("mode")?;
        self.cursor.f32s::<3>("axis")?;
        self.cursor.f32s::<3>("normal")?;
        if self.cursor.bool("positions")? {
            let count = self.cursor.count(24, "positions")?;
            let block = self.cursor.open("positions")?;
            self.cursor.bytes(count * 24, "positions")?;
            self.cursor.close(block, "positions")?;
        }
        Ok(())
    }
}

/// Row-vector matrix of: move the pivot to the origin, scale, rotate, move.
fn rows_of(position: [f64; 3], attitude: [f64; 4], scale: [f64; 3], pivot: [f64; 3]) -> [f64; 16] {
    use glam::{DMat4, DQuat, DVec3};
    let attitude = DQuat::from_array(attitude);
    let attitude = if attitude.length_squared() > 0.0 { attitude.normalize() } else { DQuat::IDENTITY };
    let matrix = DMat4::from_translation(DVec3::from_array(position))
        * DMat4::from_quat(attitude)
        * DMat4::from_scale(DVec3::from_array(scale))
        * DMat4::from_translation(-DVec3::from_array(pivot));
    // Column by column for column vectors is row by row for row vectors.
    matrix.to_cols_array()
}
