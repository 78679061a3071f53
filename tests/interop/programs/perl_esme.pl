#!/usr/bin/perl
# A customer's gateway made with Perl's Net::SMPP; arguments and lines as in smpplib_esme.py, and what the others cannot say:
# multi DESTINATION,DESTINATION,... HEX; cancel ID; replace ID HEX; data HEX
use strict;
use warnings;
use Encode qw(decode encode);
use IO::Select;
use Net::SMPP;

$| = 1;
$SIG{PIPE} = 'IGNORE';
my ( $port, $system_id, $password ) = @ARGV;
my ( $source, $destination ) = ( 'Acme', '447700900123' );
my $session;
my $reference = 0;
my $readable = IO::Select->new( \*STDIN );

sub tell_line {
    my ( $kind, @values ) = @_;
    my @pairs;
    while ( my ( $key, $value ) = splice @values, 0, 2 ) { push @pairs, "$key=$value"; }
    print join( ' ', $kind, @pairs ), "\n";
    return;
}

sub handle {
    my ($pdu) = @_;
    my $row  = Net::SMPP::pdu_tab()->{ $pdu->{cmd} };
    my $name = $row ? $row->{cmd} : sprintf '0x%08X', $pdu->{cmd};
    if ( $name =~ /^bind_\w+_resp$/ ) { tell_line( 'bound', status => $pdu->{status} ); }
    elsif ( $name eq 'submit_sm_resp' ) {
        tell_line( 'answer', status => $pdu->{status}, id => $pdu->{status} ? '' : $pdu->{message_id} );
    }
    elsif ( $name eq 'submit_multi_resp' ) {
        my @unsuccess = map { "$pdu->{destination_addr}[$_]:$pdu->{error_status_code}[$_]" } 0 .. $pdu->{no_unsuccess} - 1;
        tell_line( 'multi', status => $pdu->{status}, id => $pdu->{message_id}, unsuccess => join ',', @unsuccess );
    }
    elsif ( $name eq 'query_sm_resp' ) {
        tell_line( 'found', status => $pdu->{status}, state => $pdu->{status} ? 0 : $pdu->{message_state} );
    }
    elsif ( $name eq 'deliver_sm' ) {
        $session->deliver_sm_resp( message_id => '', seq => $pdu->{seq} );
        if ( ( $pdu->{esm_class} & 0x3C ) == 4 ) {
            my ($stat) = $pdu->{short_message} =~ /stat:(\w{7})/;
            ( my $id = $pdu->{receipted_message_id} ) =~ s/\0\z//;
            tell_line( 'receipt', id => $id, stat => $stat, state => unpack 'C', $pdu->{message_state} );
        }
        else {
            tell_line(
                'message',
                octets      => unpack( 'H*', defined $pdu->{message_payload} ? $pdu->{message_payload} : $pdu->{short_message} ),
                data_coding => $pdu->{data_coding},
                esm_class   => $pdu->{esm_class}
            );
        }
    }
    elsif ( $name eq 'enquire_link' ) { $session->enquire_link_resp( seq => $pdu->{seq} ); tell_line('enquired'); }
    elsif ( $name eq 'enquire_link_resp' ) { tell_line('alive'); }
    elsif ( $name eq 'unbind' ) { $session->unbind_resp( seq => $pdu->{seq} ); tell_line('unbind'); }
    elsif ( $name eq 'unbind_resp' ) { tell_line( 'unbound', status => $pdu->{status} ); }
    else                             { tell_line( 'other',   command => $name, status => $pdu->{status} ); }
    return;
}

sub submit {
    my ( $way, $text ) = @_;
    my $plain  = $text =~ /\A[\x20-\x23\x25-\x3f\x41-\x5a\x61-\x7a]*\z/;    # the same in ASCII and in GSM 03.38
    my $octets = $plain ? encode( 'ascii', $text ) : encode( 'UTF-16BE', $text );
    my $room   = $plain ? 153 : 134;
    my @common = (
        async               => 1,
        source_addr_ton     => 5,
        source_addr_npi     => 0,
        source_addr         => $source,
        dest_addr_ton       => 1,
        dest_addr_npi       => 1,
        destination_addr    => $destination,
        data_coding         => $plain ? 0 : 8,
        registered_delivery => 1,
    );
    my @parts = ( {} );
    if ( $way eq 'payload' ) { $parts[0]{message_payload} = $octets; }
    elsif ( length $octets <= ( $plain ? 160 : 140 ) ) { $parts[0]{short_message} = $octets; }
    else {
        my @cut = unpack "(a$room)*", $octets;
        $reference = ( $reference + 1 ) % 256;
        @parts = map {
            { esm_class => 0x40, short_message => pack( 'C6a*', 5, 0, 3, $reference, scalar @cut, $_ + 1, $cut[$_] ) }
        } 0 .. $#cut;
    }
    $session->submit_sm( @common, %$_ ) for @parts;
    tell_line( 'submitted', parts => scalar @parts );
    return;
}

sub told {
    my ( $kind, @words ) = split ' ', $_[0];
    my @from = ( source_addr_ton => 5, source_addr_npi => 0, source_addr => $source );
    my @to   = ( dest_addr_ton   => 1, dest_addr_npi   => 1 );
    if ( $kind eq 'bind' ) {
        $session = Net::SMPP->new_connect( '127.0.0.1', port => $port, smpp_version => 0x34 ) or die "cannot connect: $!";
        $readable->add($session);
        my $method = "bind_$words[0]";
        $session->$method( async => 1, system_id => $system_id, password => $password, interface_version => 0x34 );
    }
    elsif ( $kind eq 'submit' )  { submit( $words[0], decode( 'UTF-8', pack 'H*', $words[1] ) ); }
    elsif ( $kind eq 'query' )   { $session->query_sm( async => 1, message_id => $words[0], @from ); }
    elsif ( $kind eq 'cancel' ) {
        $session->cancel_sm( async => 1, message_id => $words[0], @from, destination_addr => $destination );
    }
    elsif ( $kind eq 'replace' ) {
        $session->replace_sm( async => 1, message_id => $words[0], @from, short_message => pack 'H*', $words[1] );
    }
    elsif ( $kind eq 'data' ) {
        $session->data_sm(
            async => 1, @from, @to, destination_addr => $destination,
            data_coding => 0, registered_delivery => 1, message_payload => pack 'H*', $words[0],
        );
    }
    elsif ( $kind eq 'multi' ) {
        my @destinations = split /,/, $words[0];
        $session->submit_multi(
            async => 1, @from,
            destination_addr => \@destinations,
            dest_addr_ton    => [ (1) x @destinations ],
            dest_addr_npi    => [ (1) x @destinations ],
            short_message    => pack 'H*', $words[1],
        );
    }
    elsif ( $kind eq 'enquire' ) { $session->enquire_link( async => 1 ); }
    elsif ( $kind eq 'unbind' )  { $session->unbind( async => 1 ); }
    else                         { die "told $kind"; }
    return;
}

my $lines = '';
while (1) {
    for my $handle ( $readable->can_read ) {
        if ( $handle == \*STDIN ) {
            sysread( STDIN, $lines, 65_536, length $lines ) or exit 0;
            told($1) while $lines =~ s/^([^\n]*)\n//;
        }
        else {
            my $pdu = $session->read_pdu;
            if ($pdu) { handle($pdu); next; }
            $readable->remove($session);
            close $session;
            tell_line('gone');
        }
    }
}
