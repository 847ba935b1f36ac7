// What the client tests send and get back.
#pragma once

#include <string>

namespace sallyport::test {

inline std::string our_request(const std::string& method, const std::string& branch = "z9hG4bKours") {
    return method +
           " sip:+4930123@carrier.example SIP/2.0\n"
           "Via: SIP/2.0/UDP 192.0.2.1:5060;branch=" +
           branch +
           ";rport\n"
           "Max-Forwards: 70\n"
           "Route: <sip:proxy.carrier.example;lr>\n"
           "From: <sip:+4940@edge.example>;tag=ours\n"
           "To: <sip:+4930123@carrier.example>\n"
           "Call-ID: c1@edge.example\n"
           "CSeq: 4711 " +
           method + "\n";
}

inline std::string their_response(int status, const std::string& method, const std::string& branch = "z9hG4bKours",
                                  const std::string& tag = "theirs") {
    return "SIP/2.0 " + std::to_string(status) +
           " Whatever\n"
           "Via: SIP/2.0/UDP 192.0.2.1:5060;branch=" +
           branch +
           ";rport=5060;received=192.0.2.1\n"
           "From: <sip:+4940@edge.example>;tag=ours\n"
           "To: <sip:+4930123@carrier.example>" +
           (tag.empty() ? "" : ";tag=" + tag) +
           "\n"
           "Call-ID: c1@edge.example\n"
           "CSeq: 4711 " +
           method + "\n";
}

}  // namespace sallyport::test
