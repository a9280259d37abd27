# A server that tells its environment, and ends where it is told to.
use strict;
use warnings;
use IO::Socket::INET;

$| = 1;
my ($version) = @ARGV;
$SIG{TERM} = sub { exit 0 };
$SIG{PIPE} = 'IGNORE';

sub quoted {
    my ($text) = @_;
    $text =~ s/(["\\])/\\$1/g;
    return "\"$text\"";
}

my $server = IO::Socket::INET->new(LocalPort => $ENV{PORT}, Listen => 20, ReuseAddr => 1)
    or die "no port: $!";
print "serving $version\n";
while (1) {
    my $client = $server->accept or next;
    my ($path, $proto) = ('', '');
    while (my $line = <$client>) {
        $path = $1 if $line =~ /^GET (\S+)/;
        $proto = $1 if $line =~ /^x-forwarded-proto: (\S+)/i;
        last if $line =~ /^\r?\n$/;
    }
    next if $path eq '';
    exit 3 if $path eq '/exit';
    my %told = (%ENV, uid => "$<", version => $version, proto => $proto);
    my $body = '{' . join(',', map { quoted($_) . ':' . quoted($told{$_}) } sort keys %told) . '}';
    my $length = length $body;
    print $client "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: $length\r\n\r\n$body";
    close $client;
    print "asked for $path\n";
}
