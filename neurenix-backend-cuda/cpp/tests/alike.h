// Whether two types of functions are called in the same way: of this repository's tables, and of a vendor's headers.
#pragma once

#include <type_traits>

// As many parameters, each passed in the same way.
template <class Ours, class Theirs>
struct Alike;
template <class R, class... P, class S, class... Q>
struct Alike<R (*)(P...), S (*)(Q...)> {
  static constexpr bool value = [] {
    if constexpr (sizeof...(P) != sizeof...(Q)) return false;
    else return ((sizeof(P) == sizeof(Q) && std::is_pointer_v<P> == std::is_pointer_v<Q>) && ...);
  }();
};
