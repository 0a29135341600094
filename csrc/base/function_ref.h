// A function for the time of a call: a pointer to it and one to its code, so that what takes it is no template.
#pragma once

#include <memory>
#include <utility>

namespace sanderling {

template <class Signature>
class FunctionRef;

template <class Result, class... Args>
class FunctionRef<Result(Args...)> {
 public:
  template <class F>
  FunctionRef(const F& f)  // NOLINT: converts
      : held_(std::addressof(f)), call_([](const void* held, Args... args) -> Result {
          return (*static_cast<const F*>(held))(std::forward<Args>(args)...);
        }) {}
  Result operator()(Args... args) const { return call_(held_, std::forward<Args>(args)...); }

 private:
  const void* held_;
  Result (*call_)(const void*, Args...);
};

}  // namespace sanderling
