// Words and numbers. `zero()` and `other_zero()` are 0, and no compiler knows it, or that they are
// equal: what passes through both is neither folded nor reassociated.

fn f(x: u32) -> f32 { return bitcast<f32>(x ^ zero()); }

fn w(x: f32) -> u32 { return bitcast<u32>(x) ^ other_zero(); }

fn keep(x: f32) -> f32 { return f(w(x)); }
