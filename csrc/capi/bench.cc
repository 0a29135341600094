// sanderling-bench: loads a compiled model, checks its outputs and times it, step by step.
#include <algorithm>
#include <chrono>
#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <string>
#include <vector>

#include "capi/sanderling.h"

namespace {

const char kUsage[] =
    "Usage: sanderling-bench [options] MODEL.sand\n"
    "\n"
    "Check the outputs of a compiled model against the hashes in it, then time it.\n"
    "\n"
    "  --threads N    threads (default: one for each big core)\n"
    "  --cores A,B    the cores on which the threads stay, one each\n"
    "  --isa NAME     instruction set (default: the best of this CPU)\n"
    "  --fp16         let float layers compute in fp16: outputs of theirs are not checked\n"
    "  --seconds S    time to measure for (default 1)\n"
    "  --runs N       runs to measure, instead of --seconds\n"
    "  --warm-up N    runs that do not count (default: for 0.3 s)\n"
    "  --json         print JSON\n"
    "  --no-check     do not check the outputs\n"
    "  --version\n"
    "  --help\n"
    "\n"
    "Exit code: 0; 1 where outputs differ or the model does not run; 2 where the command line is wrong.\n";

struct Options {
  sanderling_options model = {};
  std::vector<int> cores;
  double seconds = 1;
  long runs = 0, warm_up = -1;
  bool json = false, check = true;
  const char* path = nullptr;
};

[[noreturn]] void usage_error(const std::string& what) {
  std::fprintf(stderr, "sanderling-bench: %s\nsanderling-bench --help tells what there is.\n", what.c_str());
  std::exit(2);
}

// A whole number in [low, high].
long number(const char* option, const char* text, long low, long high) {
  char* end;
  const long n = std::strtol(text, &end, 10);
  if (*text == '\0' || *end != '\0' || n < low || n > high)
    usage_error(std::string(option) + " is '" + text + "'; " + std::to_string(low) + " to " + std::to_string(high) +
                " expected");
  return n;
}

Options parse(int count, char** arguments) {
  Options o;
  for (int i = 1; i < count; ++i) {
    const std::string a = arguments[i];
    auto value = [&] {
      if (i + 1 >= count) usage_error(a + " needs a value");
      return arguments[++i];
    };
    if (a == "--threads") {
      o.model.threads = static_cast<int>(number("--threads", value(), 1, 1024));
    } else if (a == "--cores") {
      std::string list = value();
      for (size_t at = 0; at <= list.size();) {
        const size_t comma = std::min(list.find(',', at), list.size());
        o.cores.push_back(static_cast<int>(number("--cores", list.substr(at, comma - at).c_str(), 0, 1023)));
        at = comma + 1;
      }
    } else if (a == "--isa") {
      o.model.isa = value();
    } else if (a == "--fp16") {
      o.model.fp16 = 1;
    } else if (a == "--seconds") {
      const char* text = value();
      char* end;
      o.seconds = std::strtod(text, &end);
      if (*text == '\0' || *end != '\0' || !(o.seconds > 0 && o.seconds <= 3600))
        usage_error(std::string("--seconds is '") + text + "'; up to 3600 expected");
    } else if (a == "--runs") {
      o.runs = number("--runs", value(), 1, 1000000000);
    } else if (a == "--warm-up") {
      o.warm_up = number("--warm-up", value(), 0, 1000000000);
    } else if (a == "--json") {
      o.json = true;
    } else if (a == "--no-check") {
      o.check = false;
    } else if (a == "--version") {
      std::printf("sanderling-bench %s\n", sanderling_version());
      std::exit(0);
    } else if (a == "--help") {
      std::fputs(kUsage, stdout);
      std::printf("\nInstruction sets of this CPU:");
      for (int k = 0; sanderling_isa(k); ++k) std::printf(" %s", sanderling_isa(k));
      std::printf("\n");
      std::exit(0);
    } else if (a.size() > 1 && a[0] == '-') {
      usage_error("there is no option " + a);
    } else if (o.path != nullptr) {
      usage_error("one model expected, not also " + a);
    } else {
      o.path = arguments[i];
    }
  }
  if (o.path == nullptr) usage_error("a compiled model (.sand) is missing");
  if (!o.cores.empty()) {
    if (o.model.threads != 0 && o.model.threads != static_cast<int>(o.cores.size()))
      usage_error("--cores has one core for each of the --threads");
    o.model.threads = static_cast<int>(o.cores.size());
    o.model.cores = o.cores.data();
  }
  return o;
}

using Clock = std::chrono::steady_clock;
double milliseconds_since(Clock::time_point start) {
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

double median(std::vector<double> all) {
  std::sort(all.begin(), all.end());
  const size_t n = all.size();
  return n % 2 ? all[n / 2] : (all[n / 2 - 1] + all[n / 2]) / 2;
}

std::string json_text(const char* s) {
  std::string out = "\"";
  for (; *s; ++s) {
    const unsigned char c = static_cast<unsigned char>(*s);
    if (c == '"' || c == '\\') out += '\\';
    if (c < 0x20) {
      char escape[8];
      std::snprintf(escape, sizeof escape, "\\u%04x", c);
      out += escape;
    } else {
      out += *s;
    }
  }
  return out + '"';
}

// The clock of each CPU in kHz, as Linux tells it; 0 where it does not.
std::vector<long> clocks() {
  std::vector<long> all;
  for (int cpu = 0; cpu < 1024; ++cpu) {
    const std::string folder = "/sys/devices/system/cpu/cpu" + std::to_string(cpu);
    long khz = 0;
    if (std::FILE* f = std::fopen((folder + "/cpufreq/scaling_cur_freq").c_str(), "r")) {
      if (std::fscanf(f, "%ld", &khz) != 1) khz = 0;
      std::fclose(f);
    } else if (std::FILE* other = std::fopen((folder + "/uevent").c_str(), "r")) {
      std::fclose(other);
    } else {
      break;
    }
    all.push_back(khz);
  }
  return all;
}

std::string json_list(const std::vector<long>& all) {
  std::string out = "[";
  for (size_t i = 0; i < all.size(); ++i) out += (i ? ", " : "") + std::to_string(all[i]);
  return out + "]";
}

struct Result {
  double load_ms, first_ms;   // of the file; of the first run
  const char* outputs;        // "same", "not compared"
  std::vector<double> runs;   // milliseconds
  std::vector<double> steps;  // median nanoseconds
  size_t mapped, packed;
  std::vector<long> clock_before, clock_after;  // of the timed runs, under load
};

void print_table(const Options& o, sanderling_model* m, const Result& r) {
  std::printf("%s: %.3f ms (median of %zu runs; least %.3f), %d thread%s\n", o.path, median(r.runs), r.runs.size(),
              *std::min_element(r.runs.begin(), r.runs.end()), sanderling_threads(m),
              sanderling_threads(m) > 1 ? "s" : "");
  std::printf(
      "load %.3f ms, first run %.3f ms; outputs: %s; arena %.1f kB; packed weights: %.1f kB from the file, %.1f kB "
      "packed at load\n\n",
      r.load_ms, r.first_ms, r.outputs, static_cast<double>(sanderling_arena_bytes(m)) / 1e3,
      static_cast<double>(r.mapped) / 1e3, static_cast<double>(r.packed) / 1e3);
  double total = 0;
  for (double t : r.steps) total += t;
  std::printf("%4s  %-24s %10s %6s %8s  %s\n", "step", "operator", "ms", "share", "GMAC/s", "kernel");
  for (int i = 0; i < sanderling_num_steps(m); ++i) {
    const sanderling_step* s = sanderling_step_at(m, i);
    const double ns = r.steps[static_cast<size_t>(i)];
    std::printf("%4d  %-24s %10.4f %5.1f%% ", i, s->op, ns / 1e6, total > 0 ? 100 * ns / total : 0);
    if (s->macs > 0 && ns > 0)
      std::printf("%8.1f", static_cast<double>(s->macs) / ns);
    else
      std::printf("%8s", "");
    std::printf("  %s%s\n", s->kernel, s->fused >= 0 ? " (by rows)" : "");
  }
}

void print_json(const Options& o, sanderling_model* m, const Result& r) {
  std::printf("{\"format\": \"sanderling-bench-1\", \"sanderling\": %s, \"model\": %s, \"threads\": %d,\n",
              json_text(sanderling_version()).c_str(), json_text(o.path).c_str(), sanderling_threads(m));
  std::printf(" \"isa\": %s, \"load_ms\": %.6f, \"first_ms\": %.6f, \"outputs\": %s,\n",
              json_text(o.model.isa ? o.model.isa : sanderling_isa(0)).c_str(), r.load_ms, r.first_ms,
              json_text(r.outputs).c_str());
  std::printf(" \"fp16_steps\": %d, \"arena_bytes\": %zu, \"packed_from_file\": %zu, \"packed_at_load\": %zu,\n",
              sanderling_fp16_steps(m), sanderling_arena_bytes(m), r.mapped, r.packed);
  std::printf(" \"clock_khz\": {\"before\": %s, \"after\": %s},\n", json_list(r.clock_before).c_str(),
              json_list(r.clock_after).c_str());
  std::printf(" \"median_ms\": %.6f, \"least_ms\": %.6f, \"runs_ms\": [", median(r.runs),
              *std::min_element(r.runs.begin(), r.runs.end()));
  for (size_t i = 0; i < r.runs.size(); ++i) std::printf("%s%.6f", i ? ", " : "", r.runs[i]);
  std::printf("],\n \"steps\": [");
  for (int i = 0; i < sanderling_num_steps(m); ++i) {
    const sanderling_step* s = sanderling_step_at(m, i);
    std::printf("%s\n  {\"op\": %s, \"name\": %s, \"kernel\": %s, \"macs\": %" PRId64 ", \"fused\": %d, \"ms\": %.6f}",
                i ? "," : "", json_text(s->op).c_str(), json_text(s->name).c_str(), json_text(s->kernel).c_str(),
                s->macs, s->fused, r.steps[static_cast<size_t>(i)] / 1e6);
  }
  std::printf("]}\n");
}

int fail(const Options& o, const char* what) {
  // What fails to load names its file itself.
  if (std::strncmp(what, o.path, std::strlen(o.path)) == 0)
    std::fprintf(stderr, "sanderling-bench: %s\n", what);
  else
    std::fprintf(stderr, "sanderling-bench: %s: %s\n", o.path, what);
  return 1;
}

}  // namespace

int main(int count, char** arguments) {
  const Options o = parse(count, arguments);
  Result r = {};
  char error[1024];
  auto start = Clock::now();
  sanderling_model* m = sanderling_load(o.path, &o.model, error, sizeof error);
  r.load_ms = milliseconds_since(start);
  if (m == nullptr) return fail(o, error);
  for (int i = 0; i < sanderling_num_inputs(m); ++i)
    std::memset(sanderling_input_data(m, i), 0, sanderling_input(m, i)->bytes);
  start = Clock::now();
  if (sanderling_run(m) != SANDERLING_OK) return fail(o, sanderling_error(m));
  r.first_ms = milliseconds_since(start);
  int compared = 0;
  // The hashes are of float32.
  if (o.check && sanderling_fp16_steps(m) == 0 && sanderling_verify(m, &compared) != SANDERLING_OK)
    return fail(o, sanderling_error(m));
  r.outputs = compared > 0 ? "same" : "not compared";
  sanderling_packed_bytes(m, &r.mapped, &r.packed);

  // After a warm-up, plain runs for the total, and some with the clock read at each step.
  const double budget = o.seconds * 1e3;
  start = Clock::now();
  for (long k = 0; o.warm_up >= 0 ? k < o.warm_up : k == 0 || milliseconds_since(start) < 300; ++k)
    if (sanderling_run(m) != SANDERLING_OK) return fail(o, sanderling_error(m));
  r.clock_before = clocks();
  start = Clock::now();
  do {
    const auto run = Clock::now();
    if (sanderling_run(m) != SANDERLING_OK) return fail(o, sanderling_error(m));
    r.runs.push_back(milliseconds_since(run));
  } while (o.runs > 0 ? static_cast<long>(r.runs.size()) < o.runs : milliseconds_since(start) < budget);
  r.clock_after = clocks();
  const size_t steps = static_cast<size_t>(sanderling_num_steps(m));
  std::vector<std::vector<double>> times(steps);
  const size_t profiled = std::min<size_t>(r.runs.size(), 50);
  for (size_t k = 0; k < profiled; ++k) {
    std::vector<double> once(steps, 0.0);
    if (sanderling_run_profiled(m, once.data()) != SANDERLING_OK) return fail(o, sanderling_error(m));
    for (size_t i = 0; i < steps; ++i) times[i].push_back(once[i]);
  }
  for (const auto& t : times) r.steps.push_back(median(t));
  if (o.json)
    print_json(o, m, r);
  else
    print_table(o, m, r);
  sanderling_free(m);
  if (std::fflush(stdout) == 0 && !std::ferror(stdout)) return 0;
  std::perror("sanderling-bench: the results cannot be written");
  return 1;
}
