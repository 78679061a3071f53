#!/usr/bin/perl
# An SMSC made with Perl's Net::SMPP. Prints what it understood, does what it is told; lines as in jasmin_smsc.py.
# It ends when its standard input does.
use strict;
use warnings;
use IO::Select;
use Net::SMPP;

$| = 1;
$SIG{PIPE} = 'IGNORE';
my ( $system_id, $password ) = ( 'trunk', 'secret' );
my @statuses;
my %known;
my $made  = 0;
my $quiet = 0;
my $session;      # the one that is being read, or the last one bound that receives
my %receivers;    # file number => session

sub tell_line {
    my ( $kind, @values ) = @_;
    my @pairs;
    while ( my ( $key, $value ) = splice @values, 0, 2 ) { push @pairs, "$key=$value"; }
    print join( ' ', $kind, @pairs ), "\n";
    return;
}

sub status_named {
    my ($name) = @_;
    my $codes = Net::SMPP::status_code();
    for my $code ( keys %$codes ) { return $code if $codes->{$code}{code} eq $name; }
    die "no status $name";
}

sub name_of_status { my $row = Net::SMPP::status_code()->{ $_[0] }; return $row ? $row->{code} : sprintf '0x%08X', $_[0]; }

sub name_of_command { my $row = Net::SMPP::pdu_tab()->{ $_[0] }; return $row ? $row->{cmd} : sprintf '0x%08X', $_[0]; }

sub bind_asked {
    my ( $pdu, $kind ) = @_;
    my $status = $pdu->{system_id} ne $system_id ? 0x0F : $pdu->{password} ne $password ? 0x0E : 0;
    my $answer = "${kind}_resp";
    $session->$answer( system_id => 'perlsmsc', seq => $pdu->{seq}, status => $status, sc_interface_version => pack 'C', 0x34 );
    $receivers{ fileno $session } = $session if $status == 0 && $kind ne 'bind_transmitter';
    tell_line( $status ? 'refused' : 'bound', command => $kind, system_id => $pdu->{system_id} );
    return;
}

sub submitted {
    my ($pdu) = @_;
    my $status = @statuses ? shift @statuses : 0;
    my $id = sprintf 'P%06d', ++$made;
    my $octets = defined $pdu->{message_payload} ? $pdu->{message_payload} : $pdu->{short_message};
    my @tlvs;
    for my $name (qw(sar_msg_ref_num sar_total_segments sar_segment_seqnum)) {
        push @tlvs, $name, unpack( length $pdu->{$name} == 2 ? 'n' : 'C', $pdu->{$name} ) if defined $pdu->{$name};
    }
    tell_line(
        'submit',
        id          => $id,
        status      => name_of_status($status),
        source      => $pdu->{source_addr},
        source_ton  => $pdu->{source_addr_ton},
        destination => $pdu->{destination_addr},
        octets      => unpack( 'H*', $octets ),
        payload     => defined $pdu->{message_payload} ? 1 : 0,
        data_coding => $pdu->{data_coding},
        esm_class   => $pdu->{esm_class},
        validity    => $pdu->{validity_period},
        @tlvs,
    );
    if ($status) {
        $session->submit_sm_resp( message_id => '', seq => $pdu->{seq}, status => $status );
        return;
    }
    $known{$id} = 1;
    $session->submit_sm_resp( message_id => $id, seq => $pdu->{seq} );
    return if $quiet || !( $pdu->{registered_delivery} & 3 );
    my ($receiver) = values %receivers;
    $receiver->deliver_sm(
        async                => 1,
        source_addr_ton      => $pdu->{dest_addr_ton},
        source_addr_npi      => $pdu->{dest_addr_npi},
        source_addr          => $pdu->{destination_addr},
        dest_addr_ton        => $pdu->{source_addr_ton},
        dest_addr_npi        => $pdu->{source_addr_npi},
        destination_addr     => $pdu->{source_addr},
        esm_class            => 0x04,
        data_coding          => 0,
        short_message        =>
            "id:$id sub:001 dlvrd:001 submit date:2601010000 done date:2601010001 stat:DELIVRD err:000 text:-",
        receipted_message_id => "$id\0",
        message_state        => pack( 'C', 2 ),
    );
    return;
}

sub queried {
    my ($pdu) = @_;
    my $found = $known{ $pdu->{message_id} };
    tell_line( 'query', id => $pdu->{message_id} );
    $session->query_sm_resp(
        message_id    => $pdu->{message_id},
        final_date    => $found ? '260101000100000+' : '',
        message_state => $found ? 2 : 0,
        error_code    => 0,
        seq           => $pdu->{seq},
        status        => $found ? 0 : 0x0C,
    );
    return;
}

sub handle {
    my ($pdu) = @_;
    my $name = name_of_command( $pdu->{cmd} );
    if    ( $name =~ /^bind_(?:transceiver|transmitter|receiver)$/ ) { bind_asked( $pdu, $name ); }
    elsif ( $name eq 'submit_sm' )    { submitted($pdu); }
    elsif ( $name eq 'query_sm' )     { queried($pdu); }
    elsif ( $name eq 'enquire_link' ) { $session->enquire_link_resp( seq => $pdu->{seq} ); tell_line('enquired'); }
    elsif ( $name eq 'unbind' )       { $session->unbind_resp( seq => $pdu->{seq} ); tell_line('unbind'); }
    elsif ( $name eq 'enquire_link_resp' ) { tell_line('alive'); }
    elsif ( $name eq 'unbind_resp' )       { tell_line('unbound'); }
    elsif ( $name =~ /_resp$/ ) { tell_line( 'answered', command => $name, status => name_of_status( $pdu->{status} ) ); }
    else                        { tell_line( 'other',    command => $name ); }
    return;
}

sub told {
    my ( $kind, @words ) = split ' ', $_[0];
    my ($session) = values %receivers;
    if ( $kind eq 'status' ) { push @statuses, ( status_named( $words[0] ) ) x $words[1]; }
    elsif ( $kind eq 'deliver' ) {
        $session->deliver_sm(
            async            => 1,
            source_addr_ton  => 1,
            source_addr_npi  => 1,
            source_addr      => $words[0],
            dest_addr_ton    => 2,
            dest_addr_npi    => 1,
            destination_addr => $words[1],
            data_coding      => $words[2],
            esm_class        => $words[3],
            short_message    => pack( 'H*', $words[4] ),
        );
    }
    elsif ( $kind eq 'data' ) {
        $session->data_sm(
            async            => 1,
            source_addr_ton  => 1,
            source_addr_npi  => 1,
            source_addr      => $words[0],
            dest_addr_ton    => 2,
            dest_addr_npi    => 1,
            destination_addr => $words[1],
            data_coding      => $words[2],
            esm_class        => $words[3],
            message_payload  => pack( 'H*', $words[4] ),
        );
    }
    elsif ( $kind eq 'quiet' )   { $quiet = 1; }
    elsif ( $kind eq 'enquire' ) { $session->enquire_link( async => 1 ); }
    elsif ( $kind eq 'unbind' )  { $session->unbind( async => 1 ); }
    else                         { die "told $kind"; }
    return;
}

my $listener = Net::SMPP->new_listen( '127.0.0.1', port => 0, smpp_version => 0x34 ) or die "cannot listen: $!";
tell_line( 'listening', port => $listener->sockport );
my $readable = IO::Select->new( \*STDIN, $listener );
my $lines = '';
while (1) {
    for my $handle ( $readable->can_read ) {
        if ( $handle == \*STDIN ) {
            sysread( STDIN, $lines, 4096, length $lines ) or exit 0;
            told($1) while $lines =~ s/^([^\n]*)\n//;
        }
        elsif ( $handle == $listener ) {
            my $fresh = $listener->accept or next;
            $fresh->set_version(0x34);
            $readable->add($fresh);
        }
        else {
            $session = $handle;
            my $pdu = $session->read_pdu;
            if ($pdu) { handle($pdu); next; }
            $readable->remove($session);
            delete $receivers{ fileno $session };
            close $session;
            tell_line('gone');
        }
    }
}
