// A sallyport-media process of its own: ring devices, a socket in a temporary directory, ended with the test.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <optional>
#include <string>

namespace sallyport::test {

inline constexpr std::chrono::seconds patience{60};

struct MediaSettings {
    std::string udp_ports = "16384-32767";
    int lcores = 1;
    int lease_seconds = 30;
    bool at_port = false;  // of this host, without TLS, instead of a socket file
    std::string more;      // further lines of the file
};

class MediaDaemon {
public:
    explicit MediaDaemon(const MediaSettings& settings = {});
    ~MediaDaemon();
    MediaDaemon(const MediaDaemon&) = delete;
    MediaDaemon& operator=(const MediaDaemon&) = delete;

    void start();  // and waits until it answers
    void kill();   // -9
    // SIGTERM, and its exit code.
    int stop();
    bool running();

    std::string target() const { return target_.empty() ? "unix:" + socket_path() : target_; }
    std::string socket_path() const { return directory_ + "/media.sock"; }
    std::string config_path() const { return directory_ + "/media.yaml"; }
    std::string log() const;

private:
    std::string directory_, target_;
    pid_t process_ = -1;
};

struct Ended {
    int exit_code = -1;
    std::string errors;  // what it wrote to standard error
};
// Runs the daemon's program to its end.
Ended run_media(const std::string& arguments);

}  // namespace sallyport::test
