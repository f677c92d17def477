// Reads NEURENIX_NUM_THREADS, the affinity mask and the control groups.
#include "available_threads.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <thread>

#if defined(__linux__)
#include <sched.h>
#endif

namespace phynexus {
namespace {

constexpr int most_threads = 256;

std::string first_line(const std::string& path) {
  std::string line;
  if (FILE* file = std::fopen(path.c_str(), "r")) {
    char text[256];
    if (std::fgets(text, sizeof text, file)) line = text;
    std::fclose(file);
  }
  return line;
}

// "max 100000" or "150000 100000" (version 2): processors, 0 where there is no limit.
double quota_of_version_2(const std::string& folder) {
  long long quota = 0, period = 0;
  if (std::sscanf(first_line(folder + "/cpu.max").c_str(), "%lld %lld", &quota, &period) == 2 && period > 0)
    return double(quota) / double(period);
  return 0;
}

double quota_of_version_1(const std::string& folder) {
  const long long quota = std::atoll(first_line(folder + "/cpu.cfs_quota_us").c_str());
  const long long period = std::atoll(first_line(folder + "/cpu.cfs_period_us").c_str());
  return quota > 0 && period > 0 ? double(quota) / double(period) : 0;
}

// The tightest limit between our own group and the root, since every ancestor's holds.
double tightest(const std::string& root, std::string path, double (*quota)(const std::string&)) {
  double best = 0;
  for (;;) {
    const double here = quota(root + path);
    if (here > 0 && (best == 0 || here < best)) best = here;
    const size_t slash = path.rfind('/');
    if (slash == std::string::npos || path.empty()) return best;
    path.resize(slash);
  }
}

double control_group_quota() {
  double best = 0;
  FILE* file = std::fopen("/proc/self/cgroup", "r");
  if (!file) return 0;
  char text[4096];
  while (std::fgets(text, sizeof text, file)) {
    text[std::strcspn(text, "\n")] = 0;
    char* controllers = std::strchr(text, ':');
    char* path = controllers ? std::strchr(controllers + 1, ':') : nullptr;
    if (!path) continue;
    *path++ = 0;
    controllers++;
    double here = 0;
    if (!*controllers) {
      here = tightest("/sys/fs/cgroup", path, quota_of_version_2);
    } else {
      const std::string list = "," + std::string(controllers) + ",";
      if (list.find(",cpu,") != std::string::npos)
        here = tightest("/sys/fs/cgroup/cpu", path, quota_of_version_1);
    }
    if (here > 0 && (best == 0 || here < best)) best = here;
  }
  std::fclose(file);
  return best;
}

}  // namespace

int available_threads() {
  if (const char* wish = std::getenv("NEURENIX_NUM_THREADS"))
    if (const int threads = std::atoi(wish); threads > 0) return std::min(threads, most_threads);
  int threads = int(std::max(1u, std::thread::hardware_concurrency()));
#if defined(__linux__)
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) == 0) threads = std::max(1, CPU_COUNT(&set));
  if (const double quota = control_group_quota(); quota > 0)
    threads = std::min(threads, int(std::ceil(quota)));
#endif
  return std::clamp(threads, 1, most_threads);
}

}  // namespace phynexus
