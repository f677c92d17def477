// What compiles text for a device at run time, as the engine sees it: NVRTC or hipRTC, or a fake of one in tests.
#pragma once

#include <string>
#include <vector>

namespace phynexus::gpu {

class Compiler {
 public:
  virtual ~Compiler() = default;
  // "NVRTC 13.0": what it makes of a text depends on this, the text and the architecture alone.
  virtual std::string name() const = 0;
  // What Driver::load takes. Throws Failure with what the compiler says.
  virtual std::vector<char> compile(const std::string& text, const std::string& architecture) = 0;
  // From another thread: what compiles throws soon, and so does all that is to be compiled later.
  virtual void give_up() = 0;
};

}  // namespace phynexus::gpu
