// What std::function is, but moved only, and with one function of code for most lambdas: an operator has many, and
// std::function makes ten functions of each.
#pragma once

#include <cstddef>
#include <new>
#include <type_traits>
#include <utility>

namespace sanderling {

template <class Signature>
class Function;

template <class Result, class... Args>
class Function<Result(Args...)> {
 public:
  Function() = default;
  template <class F, class = std::enable_if_t<!std::is_same_v<std::decay_t<F>, Function>>>
  Function(F&& f)  // NOLINT: converts
      : Function(hold(std::forward<F>(f)), caller<std::decay_t<F>>(), destroyer<std::decay_t<F>>()) {}
  Function(Function&& other) noexcept { swap(other); }
  Function& operator=(Function&& other) noexcept {
    Function(std::move(other)).swap(*this);
    return *this;
  }
  ~Function() {
    if (destroy_ != nullptr) destroy_(held_);
    ::operator delete(held_);
  }

  // Its parts: what takes many different functions takes them so, with less code for each than a Function of its own.
  using Call = Result (*)(void* held, Args...);
  using Destroy = void (*)(void* held);
  Function(void* held, Call call, Destroy destroy) : held_(held), call_(call), destroy_(destroy) {}
  template <class F>
  static void* hold(F&& f) {
    using Held = std::decay_t<F>;
    static_assert(alignof(Held) <= alignof(std::max_align_t), "");  // memory as the plain operator new gives it
    return new Held(std::forward<F>(f));
  }
  template <class Held>
  static Call caller() {
    return [](void* held, Args... args) -> Result { return (*static_cast<Held*>(held))(std::forward<Args>(args)...); };
  }
  template <class Held>
  static Destroy destroyer() {
    if constexpr (std::is_trivially_destructible_v<Held>)
      return nullptr;
    else
      return [](void* held) { static_cast<Held*>(held)->~Held(); };
  }

  explicit operator bool() const { return held_ != nullptr; }
  Result operator()(Args... args) const { return call_(held_, std::forward<Args>(args)...); }

 private:
  void swap(Function& other) noexcept {
    std::swap(held_, other.held_);
    std::swap(call_, other.call_);
    std::swap(destroy_, other.destroy_);
  }

  void* held_ = nullptr;
  Call call_ = nullptr;
  Destroy destroy_ = nullptr;
};

}  // namespace sanderling
