// Sums of several products that gcc must not reorder: it would compute all products first, and spill them.
#pragma once

namespace sanderling {

// The vector is in a register here; what comes before is not put off, what follows does not come sooner.
template <class Vector>
inline __attribute__((always_inline)) void in_register(Vector& x) {
#if defined(__x86_64__) || defined(__i386__)
  asm("" : "+x"(x));
#else
  asm("" : "+w"(x));
#endif
}

}  // namespace sanderling
