// The memory in which a workgroup keeps 16 terms of 64 rows and 64 columns, four to a vector.

var<workgroup> left_tile: array<vec4<f32>, 272>;

var<workgroup> right_tile: array<vec4<f32>, 272>;
