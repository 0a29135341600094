// Which process this is.
#pragma once

namespace sanderling {

// getpid(), which is a system call, as a load: kept right by a fork handler.
long current_process();

}  // namespace sanderling
