#!/usr/bin/perl
# perl_xs.pl LEVEL OUT FILE... - Perl with JSON::XS, a gzip on either side.
use strict;
use warnings;
use Digest::SHA qw(sha256_hex);
use File::Basename;
use JSON::XS;

my %references = (agentContactId => 'Contacts',
		  homeownerContactId => 'Contacts', addressId => 'Properties');
my $json = JSON::XS->new->utf8;
my ($level, $out, @files) = @ARGV;

# UUID version 8 of SHA-256(table, 0, id, 0, target environment).
sub new_id
{
	my $h = sha256_hex("$_[0]\0$_[1]\0production");

	return substr($h, 0, 8) . '-' . substr($h, 8, 4) . '-8' .
	       substr($h, 13, 3) . '-' .
	       sprintf('%x', hex(substr($h, 16, 1)) & 3 | 8) .
	       substr($h, 17, 3) . '-' . substr($h, 20, 12);
}

for my $file (@files) {
	my ($table) = $file =~ m{([^/]+)/AWSDynamoDB/} or die $file;
	my $to = "$out/$table-" . basename($file);

	open my $i, '-|', 'gzip', '-dc', $file or die;
	open my $o, "| gzip -$level >'$to'" or die;
	while (<$i>) {
		my $record = $json->decode($_);
		my $item = $record->{Item};

		$item->{schemaVersion} = { N => '2' };
		delete $item->{legacyField};
		$item->{status} = delete $item->{statusCode}
			if exists $item->{statusCode};
		$item->{id}{S} = new_id($table, $item->{id}{S});
		for my $name (keys %references) {
			$item->{$name}{S} = new_id($references{$name},
						   $item->{$name}{S})
				if exists $item->{$name};
		}
		print $o $json->encode($record), "\n";
	}
	close $o or die;
}
