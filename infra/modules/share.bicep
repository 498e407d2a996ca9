// A share that all workers mount, where a replica's own disk is too small for models and for the cache of checkpoints: NFS, which no key
// opens; only what is in the environment's network reaches it.
param name string
param networkName string
param location string
param tags object

@description('Size in GiB; throughput grows with it.')
@minValue(100)
param size int

resource network 'Microsoft.Network/virtualNetworks@2024-05-01' = {
  name: networkName
  location: location
  tags: tags
  properties: {
    addressSpace: { addressPrefixes: ['10.0.0.0/16'] }
    subnets: [
      {
        name: 'environment'
        properties: {
          addressPrefix: '10.0.0.0/21'
          delegations: [{ name: 'environment', properties: { serviceName: 'Microsoft.App/environments' } }]
          serviceEndpoints: [{ service: 'Microsoft.Storage' }]
        }
      }
    ]
  }
}

var subnetId = network.properties.subnets[0].id

resource account 'Microsoft.Storage/storageAccounts@2025-01-01' = {
  name: name
  location: location
  tags: tags
  kind: 'FileStorage'
  sku: { name: 'Premium_LRS' }
  properties: {
    allowSharedKeyAccess: false
    allowBlobPublicAccess: false
    minimumTlsVersion: 'TLS1_2'
    // NFS clients know no HTTPS.
    supportsHttpsTrafficOnly: false
    networkAcls: {
      bypass: 'None'
      defaultAction: 'Deny'
      virtualNetworkRules: [{ id: subnetId, action: 'Allow' }]
    }
  }

  resource files 'fileServices' = {
    name: 'default'

    resource share 'shares' = {
      name: 'models'
      properties: { enabledProtocols: 'NFS', rootSquash: 'NoRootSquash', shareQuota: size }
    }
  }
}

output subnetId string = subnetId
output server string = '${account.name}.file.${environment().suffixes.storage}'
output path string = '/${account.name}/${account::files::share.name}'
