from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("mirror", "0008_public_ips_are_mirrored"),
    ]

    operations = [
        migrations.AlterField(
            model_name="item",
            name="kind",
            field=models.CharField(
                choices=[
                    ("cloudstack.vpc", "VPCs in CloudStack"),
                    ("cloudstack.network", "Networks in CloudStack"),
                    ("cloudstack.pool", "VNI pools in CloudStack"),
                    ("cloudstack.vni", "Allocated VNIs in CloudStack"),
                    ("cloudstack.address", "Public IPs in CloudStack"),
                    ("cloudstack.instance", "Instances in CloudStack"),
                    ("cloudstack.acl", "Items of access lists in CloudStack"),
                    ("cloudstack.domain", "Domains in CloudStack"),
                    ("cloudstack.account", "Accounts in CloudStack"),
                    ("netris.vpc", "VPCs in Netris"),
                    ("netris.vnet", "V-Nets in Netris"),
                    ("netris.range", "Ranges of VPCs in Netris"),
                    ("netris.nat", "NAT rules in Netris"),
                    ("netris.acl", "Rules of access lists in Netris"),
                    ("netris.address", "Public addresses in Netris"),
                    ("netris.device", "Inventory of Netris"),
                    ("netris.link", "Links in Netris"),
                    ("netris.bgp", "BGP sessions in Netris"),
                ],
                max_length=32,
            ),
        ),
        migrations.AlterField(
            model_name="reading",
            name="kind",
            field=models.CharField(
                choices=[
                    ("cloudstack.vpc", "VPCs in CloudStack"),
                    ("cloudstack.network", "Networks in CloudStack"),
                    ("cloudstack.pool", "VNI pools in CloudStack"),
                    ("cloudstack.vni", "Allocated VNIs in CloudStack"),
                    ("cloudstack.address", "Public IPs in CloudStack"),
                    ("cloudstack.instance", "Instances in CloudStack"),
                    ("cloudstack.acl", "Items of access lists in CloudStack"),
                    ("cloudstack.domain", "Domains in CloudStack"),
                    ("cloudstack.account", "Accounts in CloudStack"),
                    ("netris.vpc", "VPCs in Netris"),
                    ("netris.vnet", "V-Nets in Netris"),
                    ("netris.range", "Ranges of VPCs in Netris"),
                    ("netris.nat", "NAT rules in Netris"),
                    ("netris.acl", "Rules of access lists in Netris"),
                    ("netris.address", "Public addresses in Netris"),
                    ("netris.device", "Inventory of Netris"),
                    ("netris.link", "Links in Netris"),
                    ("netris.bgp", "BGP sessions in Netris"),
                ],
                max_length=32,
            ),
        ),
    ]
