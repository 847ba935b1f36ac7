// A day in the life of a node, in minutes: thousands of random calls between random peers over a bad network, with a
// media plane that comes and goes. Everything is decided by one seed.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "tests/simulate/sim_peer.h"
#include "tests/support/stack_bench.h"

namespace sallyport::test {

struct SimConditions {
    std::uint64_t seed = 1;
    unsigned calls = 2'000;
    unsigned loss = 0, duplicates = 0;  // percent, UDP only
    Duration delay = 50ms;              // up to: packets overtake each other
    bool troubles = false;              // the media plane and connections break
    Duration pace = 40ms;               // between two calls, on average
};

class Simulation {
public:
    explicit Simulation(SimConditions conditions);
    void run();

    // After run(): what went wrong, or nothing.
    std::vector<std::string> complaints;
    std::string summary() const;

private:
    SimPeer& add_peer(PeerIdentity identity, const std::string& number, const std::string& domain);
    void to_edge(SimPeer& from, std::string bytes);
    void from_edge(const transaction::Transmit& transmit);
    void travel(Transport transport, Duration& last_arrival, std::function<void()> arrive);
    void place_call();
    void make_trouble();
    void break_connection(SimPeer& peer);
    void judge();
    bool compare(const std::string& name, bool last);
    std::string disagreement(const SimPeer::Agreed& caller, const SimPeer::Agreed& callee) const;
    std::string somebody();
    void note_attempt(const std::string& bytes);

    SimConditions conditions_;
    SeededRandom random_;
    std::vector<std::unique_ptr<SimPeer>> peers_;
    std::map<const SimPeer*, Duration> last_in_, last_out_;  // streams keep their order
    std::set<std::string> in_place_;                         // Call-IDs of INVITEs with Replaces
    std::map<std::uint64_t, bool> closed_;                   // connections that are no more
    std::set<std::string> resting_;                          // calls in which nobody begins anything
    std::size_t compared_ = 0;
    std::set<std::string> attempts_;  // Call-IDs of INVITEs the node has dealt with
    std::uint64_t connections_ = 1'000;
    std::size_t messages_ = 0, lost_ = 0;
    unsigned placed_ = 0;
    StackBench bench_;
};

}  // namespace sallyport::test
